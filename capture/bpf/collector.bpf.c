// SPDX-License-Identifier: GPL-2.0
/* systape's kernel program: one record per system call, written at its return into the CPU's own mapped ring.
 * One source for both loaders: CO-RE through libbpf, or bcc with -DSYSTAPE_BCC (see kernel.bpf.h). */
#include "kernel.bpf.h"

#include "record.h"

#include "config.bpf.h"
#include "maps.bpf.h"

#include "regs.bpf.h"
#include "task.bpf.h"

#include "filter.bpf.h"
#include "ring.bpf.h"

#include "entry.bpf.h"

#include "call.bpf.h"

#include "payload.bpf.h"

#include "exec.bpf.h"

#include "path.bpf.h"

#include "found.bpf.h"

#include "finish.bpf.h"

/* At entry: remember number and arguments, since execve and rt_sigreturn replace the registers. The clock comes last, so
 * that a duration holds little of our own time. */
inline_ int on_enter(void *regs, u32 nr)
{
	struct task_struct *task = current_task();
	u64 who = identity(task);
	struct systape_entry *entry;
	u32 cell;
	u8 abi;

	if (who >> 32 == CFG(own_pid))
		return count_own_enter();
	if (CFG(only_targets) && !is_target(who >> 32, executes(nr)))
		return 0;
	abi = abi_of(task, nr);
	cell = cell_of(nr, abi);
	if (CFG(by_cell) && !selected(cell) && !keeps_state(cell) && !forgets_number(cell))
		return 0;
	entry = claim_entry(who);
	if (!entry)
		return lose_entry(cell);
	entry->nr = nr;
	entry->pid = who >> 32;
	entry->abi = abi;
	read_args(entry->args, regs, abi);
	entry->run_delay = run_delay(task);
	if (CFG(paths))
		entry->on_path = descriptor_listed(entry, task, cell);
	if (executes(nr) && abi == ABI_X86_64)
		stash_exec(nr, entry->args, who);
	entry->ts = bpf_ktime_get_ns();
	return 0;
}

/* At return: the row, from what the entry kept, or from the registers where no entry was seen. */
inline_ int on_exit(void *regs, s64 ret)
{
	struct task_struct *task = current_task();
	u64 who = identity(task), now;
	int on_path = 0;
	struct systape_ring *ring;
	struct systape_entry *entry;
	struct systape_record *row;

	if (who >> 32 == CFG(own_pid))
		return count_own_exit();
	if (CFG(only_targets) && !is_target(who >> 32, 0))
		return 0;
	now = bpf_ktime_get_ns();
	ring = this_ring();
	if (!ring)
		return 0;
	row = row_behind_head(ring);
	entry = find_entry(who);
	if (entry && entry->ts) {
		fill_from_entry(row, entry);
		row->dur = now - row->ts;
		row->runq = KNOWN(run_delay) ? run_delay(task) - entry->run_delay : NOT_MEASURED;
		row->flags = 0;
		on_path = CFG(paths) ? entry->on_path : 0;
		entry->ts = 0;
	} else {
		/* While we detach, entries end before returns do: such a call began after the recording. */
		if (ring->stopping)
			return 0;
		fill_from_registers(row, regs, task, now);
		if (returns_in_child(row->nr, row->abi, ret)) {
			ring->child_returns++;
			return 0;
		}
		claim_entry(who); /* so that unfinished.py knows that the call in which it hung has returned */
	}
	row->ret = ret;
	return finish_call(ring, row, task, who, on_path);
}

/* At the end of a thread: the call that it does not come back from, then the row of the end itself. */
inline_ int on_thread_exit(struct task_struct *task)
{
	u64 who = identity(task);
	struct systape_ring *ring = this_ring();
	struct systape_entry *entry;
	struct systape_record *row;
	struct systape_exec *slot;
	int last;

	if (!ring || who >> 32 == CFG(own_pid) || (CFG(only_targets) && !is_target(who >> 32, 0)))
		return 0;
	entry = find_entry(who);
	if (entry && entry->ts) {
		row = row_behind_head(ring);
		fill_from_entry(row, entry);
		row->dur = NOT_MEASURED;
		row->runq = NOT_MEASURED;
		row->flags = FLAG_UNFINISHED;
		row->ret = 0;
		finish_last_call(ring, row, task, who);
	}
	free_entry(who);
	slot = find_slot(who);
	if (slot)
		free_slot(slot);
	last = is_last_thread(task);
	if (last)
		mark_target(who >> 32, TARGET_ENDED);
	row = row_behind_head(ring);
	start_state(row, KIND_EXIT, task, who);
	row->args[0] = last;
	row->ret = exit_status(task);
	publish_state(ring, ring->bytes_head);
	return 0;
}

/* In the parent, before the child has run. */
inline_ int on_fork(struct task_struct *parent, struct task_struct *child)
{
	u64 who = identity(parent);
	struct systape_ring *ring = this_ring();
	struct systape_record *row;
	int asked_for = !CFG(only_targets) || is_target(who >> 32, 0);
	u64 shared;

	if (task_tgid(child) != who >> 32)
		mark_target(task_tgid(child), asked_for && CFG(follow) ? TARGET : 0);
	if (!ring || !asked_for)
		return 0;
	shared = shared_by(parent, child);
	row = row_behind_head(ring);
	start_state(row, KIND_FORK, child, (u64)task_tgid(child) << 32 | task_tid(child));
	row->args[0] = (u32)who;
	row->args[1] = shared;
	row->nr = shared & SHARES_THREAD_GROUP ? parent_pid(parent) : who >> 32;
	publish_state(ring, ring->bytes_head);
	return 0;
}

/* A thread that is not the leader takes the leader's tid when it executes a program: its call moves with it. */
inline_ int on_exec(struct task_struct *task, u32 old_tid, struct linux_binprm *program)
{
	u64 who = identity(task);
	struct systape_ring *ring = this_ring();
	struct systape_record *row;
	struct payload payload;
	u64 bytes_head;

	if (!ring || (CFG(only_targets) && !is_target(who >> 32, 0)))
		return 0;
	if (old_tid != (u32)who)
		move_entry(old_tid, who);
	bytes_head = ring->bytes_head;
	row = row_behind_head(ring);
	start_state(row, KIND_EXEC, task, who);
	row->args[0] = old_tid;
	row->nr = parent_pid(task);
	if (open_payload(&payload, ring)) {
		gather_program(&payload, task, program);
		row->flags |= ring->payload_flags;
		row->payload = payload.position;
		bytes_head = payload_end(&payload);
	} else {
		row->flags |= FLAG_PAYLOAD_LOST;
	}
	publish_state(ring, bytes_head);
	return 0;
}

/* Just before the signal takes effect. Its tracepoint fires in the thread itself, never in an interrupt. */
inline_ int on_signal(u32 number, struct kernel_siginfo *info)
{
	struct task_struct *task = current_task();
	u64 who = identity(task);
	struct systape_ring *ring = this_ring();
	struct systape_record *row;

	if (!ring || who >> 32 == CFG(own_pid) || (CFG(only_targets) && !is_target(who >> 32, 0)))
		return 0;
	row = row_behind_head(ring);
	start_state(row, KIND_SIGNAL, task, who);
	row->ret = number;
	if (is_siginfo(info)) {
		row->args[0] = signal_code(info);
		row->args[1] = signal_sender(info);
	}
	publish_state(ring, ring->bytes_head);
	return 0;
}

PROBE(sys_enter)
{
	return on_enter((void *)ctx->args[0], ctx->args[1]);
}

PROBE(sys_exit)
{
	return on_exit((void *)ctx->args[0], ctx->args[1]);
}

PROBE(sched_process_exit)
{
	return on_thread_exit((void *)ctx->args[0]);
}

PROBE(sched_process_fork)
{
	return on_fork((void *)ctx->args[0], (void *)ctx->args[1]);
}

PROBE(sched_process_exec)
{
	return on_exec((void *)ctx->args[0], ctx->args[1], (void *)ctx->args[2]);
}

PROBE(signal_deliver)
{
	return on_signal(ctx->args[0], (void *)ctx->args[1]);
}

LICENSE_GPL;
