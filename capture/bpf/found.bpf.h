/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel found for a call that made a descriptor or moved the working directory: the file at the end of all links.
 *
 * FOUND_FILE, then the names from the file up to the process's root, each with its NUL; or FOUND_SOCKET or FOUND_PIPE, then
 * the inode's number, of a pair of sockets both. User space turns the names round. Nothing where the walk does not come to an end. */

#define NAME_MOST 256
#define DEPTH_MOST 256
#define DEPTH_FEW 24
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFIFO 0010000
#define S_IFDIR 0040000

struct place {
	struct vfsmount *mount;
	struct dentry *entry;
};

inline_ struct mount *mount_of(struct vfsmount *mount)
{
#ifdef SYSTAPE_BCC
	return (struct mount *)((void *)mount - OFF_mount_mnt);
#else
	return (struct mount *)((void *)mount - bpf_core_field_offset(struct mount, mnt));
#endif
}

inline_ struct vfsmount *inside(struct mount *mount)
{
#ifdef SYSTAPE_BCC
	return (struct vfsmount *)((void *)mount + OFF_mount_mnt);
#else
	return (struct vfsmount *)((void *)mount + bpf_core_field_offset(struct mount, mnt));
#endif
}

struct names_walk {
	struct payload payload;
	struct place at, root;
	u32 arrived;
};

/* One more name. 0 when there is no room for the longest. */
inline_ int add_name(struct payload *payload, struct dentry *entry)
{
	u64 used = used_by(payload);
	const unsigned char *name = READ_SLOWLY(const unsigned char *, entry, d_name.name, d_name);
	s64 length;

	if (used > BEFORE_ADDR - NAME_MOST)
		return 0;
	length = bpf_probe_read_kernel_str(payload->start + used, NAME_MOST, name);
	if (length <= 0)
		return 0;
	payload->ring->used = used + length;
	return 1;
}

/* One step towards the root: to the parent, or to where the file system is mounted. */
repeated_ int next_name(u32 i, void *context)
{
	struct names_walk *walk = context;
	struct dentry *entry = walk->at.entry, *parent = READ_SLOWLY(struct dentry *, entry, d_parent, d_parent);
	struct vfsmount *volume = walk->at.mount;

	if (entry == walk->root.entry && volume == walk->root.mount) {
		walk->arrived = 1;
		return 1;
	}
	if (entry == parent || entry == READ_SLOWLY(struct dentry *, volume, mnt_root, mnt_root)) {
		struct mount *mount = mount_of(volume);
		struct mount *above = READ_SLOWLY(struct mount *, mount, mnt_parent, mnt_parent);

		walk->arrived = above == mount;
		walk->at.entry = READ_SLOWLY(struct dentry *, mount, mnt_mountpoint, mnt_mountpoint);
		walk->at.mount = inside(above);
		return walk->arrived;
	}
	walk->at.entry = parent;
	return !add_name(&walk->payload, entry);
}

inline_ void put_kind(struct payload *payload, u8 kind)
{
	u64 used = used_by(payload);

	if (used > BEFORE_ADDR - NAME_MOST)
		return;
	payload->start[used] = kind;
	payload->ring->used = used + 1;
}

inline_ void put_number(struct payload *payload, u64 number)
{
	u64 used = used_by(payload);

	if (used > BEFORE_ADDR - NAME_MOST)
		return;
	__builtin_memcpy(payload->start + used, &number, sizeof(number));
	payload->ring->used = used + sizeof(number);
}

inline_ u16 found_inode(struct payload *payload, u8 kind, struct inode *inode)
{
	u64 first = used_by(payload);

	put_kind(payload, kind);
	put_number(payload, READ_SLOWLY(u64, inode, i_ino, i_ino));
	return used_by(payload) - first;
}

inline_ u16 found_place(struct payload *payload, struct task_struct *task, struct place at)
{
	struct fs_struct *fs = READ(struct fs_struct *, task, fs, fs);
	u64 first = used_by(payload);
	struct names_walk walk = {.payload = *payload, .at = at};

	walk.root.mount = READ_SLOWLY(struct vfsmount *, fs, root.mnt, root_mnt);
	walk.root.entry = READ_SLOWLY(struct dentry *, fs, root.dentry, root_dentry);
	put_kind(payload, FOUND_FILE);
	REPEAT(DEPTH_MOST, DEPTH_FEW, next_name, &walk);
	if (!walk.arrived) {
		payload->ring->used = first;
		return ABSENT;
	}
	return used_by(payload) - first;
}

inline_ u16 found_file(struct payload *payload, struct task_struct *task, u32 fd)
{
	struct file *file = file_behind(task, fd);
	struct place at;
	struct inode *inode;
	u32 type;

	if (!file)
		return ABSENT;
	inode = READ_SLOWLY(struct inode *, file, f_inode, f_inode);
	type = READ_SLOWLY(u16, inode, i_mode, i_mode) & S_IFMT;
	at.mount = READ_SLOWLY(struct vfsmount *, file, f_path.mnt, f_path_mnt);
	at.entry = READ_SLOWLY(struct dentry *, file, f_path.dentry, f_path_dentry);
	if (type == S_IFSOCK)
		return found_inode(payload, FOUND_SOCKET, inode);
	/* A dentry that is its own parent, of no directory: of a file system without names. */
	if (at.entry == READ_SLOWLY(struct dentry *, at.entry, d_parent, d_parent) && type != S_IFDIR)
		return type == S_IFIFO ? found_inode(payload, FOUND_PIPE, inode) : ABSENT;
	return found_place(payload, task, at);
}

inline_ u16 found_sockets(struct payload *payload, struct task_struct *task, u64 pair)
{
	struct inode *first, *second;
	u64 begin = used_by(payload);
	u32 fds[2];

	if (bpf_probe_read_user(fds, sizeof(fds), (void *)pair))
		return ABSENT;
	first = inode_behind(task, fds[0]);
	second = inode_behind(task, fds[1]);
	if (!first || !second)
		return ABSENT;
	found_inode(payload, FOUND_SOCKET, first);
	put_number(payload, READ_SLOWLY(u64, second, i_ino, i_ino));
	return used_by(payload) - begin;
}

/* After a call that succeeded. */
rarely_ u32 find(struct payload *payload, struct systape_record *row, struct task_struct *task, u32 how)
{
	struct fs_struct *fs;
	struct place at;
	u32 fd = row->ret;

	if (!KNOWN(mount_mnt) || !KNOWN(d_name) || !KNOWN(f_path_mnt) || !KNOWN(root_mnt) || !KNOWN(fs) || row->ret < 0)
		return ABSENT;
	if (how == FOUND_BY_FD)
		return found_file(payload, task, fd);
	if (how == FOUND_BY_PAIR) {
		if (bpf_probe_read_user(&fd, sizeof(fd), (void *)row->args[0]))
			return ABSENT;
		return found_file(payload, task, fd);
	}
	if (how == FOUND_BY_SOCKETS)
		return found_sockets(payload, task, row->args[3]);
	fs = READ(struct fs_struct *, task, fs, fs);
	at.mount = READ_SLOWLY(struct vfsmount *, fs, pwd.mnt, pwd_mnt);
	at.entry = READ_SLOWLY(struct dentry *, fs, pwd.dentry, pwd_dentry);
	return found_place(payload, task, at);
}
