/* SPDX-License-Identifier: GPL-2.0 */
/* The filter on paths: a call on the path as it was written, or on a descriptor of the file that it named at the start. */

inline_ struct file *file_behind(struct task_struct *task, u32 fd)
{
	struct files_struct *files;
	struct fdtable *table;
	struct file **slots, *file = 0;

	if (!KNOWN(files) || !KNOWN(fdt) || !KNOWN(max_fds) || !KNOWN(fd_array) || !KNOWN(f_inode))
		return 0;
	files = READ(struct files_struct *, task, files, files);
	table = READ_SLOWLY(struct fdtable *, files, fdt, fdt);
	if (fd >= READ_SLOWLY(u32, table, max_fds, max_fds))
		return 0;
	slots = READ_SLOWLY(struct file **, table, fd, fd_array);
	bpf_probe_read_kernel(&file, sizeof(file), (void *)(slots + fd));
	return file;
}

inline_ struct inode *inode_behind(struct task_struct *task, u32 fd)
{
	struct file *file = file_behind(task, fd);

	return file ? READ_SLOWLY(struct inode *, file, f_inode, f_inode) : 0;
}

inline_ int names_path(const char *path, u32 length, const char *listed)
{
	u32 i;

	if (length >= PATH_LISTED)
		return 0;
	for (i = 0; i < PATH_LISTED; i++) {
		if (i >= length)
			return !listed[i];
		if (path[i] != listed[i])
			return 0;
	}
	return 0;
}

/* At entry: a close has no descriptor left at its return. */
rarely_ int on_listed_file(struct task_struct *task, u32 fd)
{
	struct systape_lists *lists = the_lists();
	struct inode *inode = inode_behind(task, fd);
	struct super_block *volume;
	u64 number;
	u32 i, device;

	if (!lists || !inode)
		return 0;
	number = READ_SLOWLY(u64, inode, i_ino, i_ino);
	volume = READ_SLOWLY(struct super_block *, inode, i_sb, i_sb);
	device = READ_SLOWLY(u32, volume, s_dev, s_dev);
	for (i = 0; i < PATHS && i < CFG(paths); i++)
		if (number == lists->paths[i].inode && device == lists->paths[i].device)
			return 1;
	return 0;
}

/* At exit: the paths that the call was given. */
rarely_ int on_listed_path(struct systape_pieces *pieces)
{
	struct systape_lists *lists = the_lists();
	const char *text = (const char *)(pieces + 1);
	u64 second = pieces->path == ABSENT ? 0 : pieces->path;
	u32 i;

	opaque(second);
	if (!lists || second > PATH_MOST)
		return 0;
	for (i = 0; i < PATHS && i < CFG(paths); i++) {
		if (pieces->path != ABSENT && names_path(text, pieces->path, lists->paths[i].name))
			return 1;
		if (pieces->path2 != ABSENT && names_path(text + second, pieces->path2, lists->paths[i].name))
			return 1;
	}
	return 0;
}
