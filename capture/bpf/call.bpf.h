/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a record, and what is special about some calls. */

#define NR_EXECVE 59
#define NR_EXECVEAT 322

/* Of a 64-bit program. */
inline_ int executes(u32 nr)
{
	return nr == NR_EXECVE || nr == NR_EXECVEAT;
}

/* exit and exit_group, native and i386: by cell. */
inline_ int never_returns(u32 cell)
{
	return cell == 60 || cell == 231 || cell == CELLS_PER_ABI + 1 || cell == CELLS_PER_ABI + 252;
}

/* rt_sigreturn, and i386's two: no number is left at the return, where the filter is applied, but what the entry kept. */
inline_ int forgets_number(u32 cell)
{
	return cell == 15 || cell == CELLS_PER_ABI + 119 || cell == CELLS_PER_ABI + 173;
}

/* The child comes back from the clone, fork or vfork that its parent made: no call of its own. */
inline_ int returns_in_child(u32 nr, u8 abi, s64 ret)
{
	if (ret)
		return 0;
	if (abi == ABI_I386)
		return nr == 2 || nr == 120 || nr == 190 || nr == 435;
	nr &= ~X32_BIT;
	return nr == 56 || nr == 57 || nr == 58 || nr == 435;
}

inline_ int count_own_enter(void)
{
	struct systape_ring *ring = this_ring();

	if (ring)
		ring->own_enters++;
	return 0;
}

inline_ int count_own_exit(void)
{
	struct systape_ring *ring = this_ring();

	if (ring)
		ring->own_exits++;
	return 0;
}

/* No place for the entry. The call's row will come at its return, flagged; a call that never returns is lost here. */
rarely_ int lose_entry(u32 cell)
{
	struct systape_ring *ring = this_ring();

	if (!ring)
		return 0;
	ring->entries_lost++;
	if (never_returns(cell)) {
		count(ring->seen, cell);
		count(ring->dropped[CAUSE_TABLE_FULL], cell);
	}
	return 0;
}

inline_ void fill_from_entry(struct systape_record *row, struct systape_entry *entry)
{
	row->ts = entry->ts;
	row->nr = entry->nr;
	row->abi = entry->abi;
	row->args[0] = entry->args[0];
	row->args[1] = entry->args[1];
	row->args[2] = entry->args[2];
	row->args[3] = entry->args[3];
	row->args[4] = entry->args[4];
	row->args[5] = entry->args[5];
}

rarely_ int fill_from_registers(struct systape_record *row, void *regs, struct task_struct *task, u64 now)
{
	u32 nr = number_in(regs);
	u8 abi = abi_of(task, nr);

	row->ts = now;
	row->nr = nr;
	row->abi = abi;
	row->dur = NOT_MEASURED;
	row->runq = NOT_MEASURED;
	row->flags = FLAG_ENTRY_UNSEEN;
	read_args(row->args, regs, abi);
	return 0;
}

inline_ void fill_task(struct systape_record *row, struct task_struct *task, u64 who)
{
	struct cgroup *group = task_cgroup(task);

	row->pid = who >> 32;
	row->tid = who;
	row->uid = effective_uid(task);
	read_comm(task, row->comm);
	row->cgroup = group ? cgroup_id(group) : 0;
	row->payload = NO_PAYLOAD;
}

/* A row of another kind: everything but its own arguments, which start as zeroes. */
inline_ void start_state(struct systape_record *row, u8 kind, struct task_struct *task, u64 who)
{
	row->ts = bpf_ktime_get_ns();
	row->dur = NOT_MEASURED;
	row->runq = NOT_MEASURED;
	row->args[0] = 0;
	row->args[1] = 0;
	row->args[2] = 0;
	row->args[3] = 0;
	row->args[4] = 0;
	row->args[5] = 0;
	row->ret = 0;
	row->flags = CFG(has_states) ? FLAG_STATE_ONLY : 0;
	row->kind = kind;
	row->abi = ABI_X86_64;
	fill_task(row, task, who);
}
