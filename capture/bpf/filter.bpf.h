/* SPDX-License-Identifier: GPL-2.0 */
/* Keep or drop. Each of these functions is called behind a test of the constant that says whether there is such a filter,
 * so that without one the verifier leaves nothing of it. The pid and the call are known at entry; the rest is judged at exit, on the values that the row would
 * show, so that a call is never half in and half out. */

inline_ struct systape_lists *the_lists(void)
{
	u32 zero = 0;

	return lookup(MAP(lists), &zero);
}

inline_ u8 *target_of(u32 pid)
{
	u32 zero = 0;
	u8 *marks = lookup(MAP(targets), &zero);

	return marks ? marks + (pid & (CFG(pids) - 1)) : 0;
}

/* Is the process one of those asked for? A command that we started becomes one with its first execve. */
rarely_ int is_target(u32 pid, int executes)
{
	u8 *target = target_of(pid);

	if (!target || !*target)
		return 0;
	if (*target == TARGET_ARMED) {
		if (!executes)
			return 0;
		*target = TARGET;
	}
	return 1;
}

/* Is the call asked for? */
rarely_ int selected(u64 cell)
{
	struct systape_lists *lists = the_lists();

	opaque(cell);
	if (!lists || cell >= CELLS)
		return 0;
	return (lists->cells[cell >> 6] >> (cell & 63)) & 1;
}

/* Does the call change what a descriptor or a process is called? Then names need it, whatever the filter says. */
rarely_ int keeps_state(u64 cell)
{
	struct systape_lists *lists = the_lists();

	opaque(cell);
	if (!lists || cell >= CELLS)
		return 0;
	return (lists->states[cell >> 6] >> (cell & 63)) & 1;
}

inline_ int comm_listed(struct systape_lists *lists, const char *comm)
{
	const u64 *mine = (const u64 *)comm;
	u32 i;

	for (i = 0; i < LIST; i++) {
		u64 *wanted = (u64 *)lists->comm[i];

		if (i < CFG(comms) && mine[0] == wanted[0] && mine[1] == wanted[1])
			return 1;
	}
	return 0;
}

inline_ int uid_listed(struct systape_lists *lists, u32 uid)
{
	u32 i;

	for (i = 0; i < LIST; i++)
		if (i < CFG(uids) && lists->uid[i] == uid)
			return 1;
	return 0;
}

inline_ int cgroup_listed(struct systape_lists *lists, u64 cgroup)
{
	u32 i;

	for (i = 0; i < LIST; i++)
		if (i < CFG(cgroups) && lists->cgroup[i] == cgroup)
			return 1;
	return 0;
}

/* The group or one above it: a filter on a group means what runs in groups below it too. */
inline_ int cgroup_below(struct systape_lists *lists, struct cgroup *group)
{
	u32 depth;

	for (depth = 0; depth < 16 && group; depth++) {
		if (cgroup_listed(lists, cgroup_id(group)))
			return 1;
		group = cgroup_parent(group);
	}
	return 0;
}

/* Judges the record by who made the call and how it ended. */
rarely_ int wanted(struct systape_record *row, struct task_struct *task)
{
	struct systape_lists *lists;

	if (CFG(failed_only) && !(row->ret < 0 && row->ret >= -4095))
		return 0;
	if (CFG(min_latency) && (row->dur == NOT_MEASURED || row->dur < CFG(min_latency)))
		return 0;
	if (!CFG(comms) && !CFG(uids) && !CFG(cgroups))
		return 1;
	lists = the_lists();
	if (!lists)
		return 0;
	if (CFG(comms) && !comm_listed(lists, row->comm))
		return 0;
	if (CFG(uids) && !uid_listed(lists, row->uid))
		return 0;
	return !CFG(cgroups) || cgroup_below(lists, task_cgroup(task));
}

/* What a process is follows from its birth: so the number of one that has ended may come again. */
inline_ void mark_target(u32 pid, u8 mark)
{
	u8 *target = CFG(only_targets) ? target_of(pid) : 0;

	if (target)
		*target = mark;
}
