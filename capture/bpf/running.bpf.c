// SPDX-License-Identifier: GPL-2.0
/* In which calls the threads of the host are now, and what these point to: asked at the stop, when the collector has no
 * rights any more to look for itself. Core alone, and a kernel with sleepable iterators (5.18).
 *
 * What is read is what a thread's own call points to, up to the end of a page at most, by a plan that nobody can change once
 * it is loaded: with this program whoever takes over the collector cannot read what they like. */
#include "kernel.bpf.h"

#include "record.h"
#include "regs.bpf.h"

#define PAGE 4096
#define STRING_MOST 4096
#define ARGV_MOST 16384 /* of these, and of no more ARGUMENTS, so that all of it fits into the kernel's 32 KB a thread */
#define ARGUMENTS 1024
#define ADDR_MOST 128
#define BYTES_MOST (sizeof(struct systape_pieces) + 2 * STRING_MOST + ARGV_MOST)
#define NOTHING_READ (~0ULL)
#define ENOSYS 38

/* Threads that never leave the kernel: of the kernel itself, and workers of io_uring and vhost. */
#define PF_IO_WORKER 0x10
#define PF_USER_WORKER 0x4000
#define PF_KTHREAD 0x200000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

const volatile u32 plans[CELLS] = {};

/* How much is used stands in memory, for the verifier forgets what it knows of that. What is written goes out as one piece.
 * One run at a time: two would put their threads' arguments in each other's way. */
struct scratch {
	u64 busy;
	u64 used;
	char raw[2 * STRING_MOST];
	struct systape_running thread;
	char bytes[BYTES_MOST + STRING_MOST];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY); /* for user space, which else could change what is read */
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

inline_ u64 used_in(struct scratch *scratch)
{
	u64 used = *(volatile u64 *)&scratch->used;

	opaque(used);
	return used;
}

/* Is it in a call? One that sleeps, since the registers of a thread that runs are of its last visit to the kernel; ax is
 * -ENOSYS until a call returns; and at an exception orig_ax is -1. */
inline_ int in_call(struct task_struct *task, struct systape_running *thread)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (!task->__state || (long)regs->ax != -ENOSYS || regs->orig_ax == -1UL)
		return 0;
	thread->pid = task->tgid;
	thread->tid = task->pid;
	thread->nr = regs->orig_ax;
	thread->abi = abi_of(task, thread->nr);
	read_args(thread->args, regs, thread->abi);
	return 1;
}

inline_ int same_call(struct systape_running *a, struct systape_running *b)
{
	return a->nr == b->nr && a->abi == b->abi && a->args[0] == b->args[0] && a->args[1] == b->args[1] &&
	       a->args[2] == b->args[2] && a->args[3] == b->args[3] && a->args[4] == b->args[4] &&
	       a->args[5] == b->args[5];
}

/* Puts a string behind what is used, with a NUL that is not counted, and says how long it is; -1 if it cannot be read. By
 * pages, since nothing is read of a stretch of which a part is not there. */
rarely_ s64 copy_string(struct scratch *scratch, struct task_struct *task, u64 pointer)
{
	u64 used = used_in(scratch), first = PAGE - (pointer & (PAGE - 1));
	s64 length;

	if (used > BYTES_MOST || bpf_copy_from_user_task(scratch->raw, first, (void *)pointer, task, 0))
		return -1;
	length = bpf_probe_read_kernel_str(scratch->bytes + used, first, scratch->raw);
	if (length <= 0 || length > STRING_MOST)
		return -1;
	if (!scratch->raw[length - 1])
		return length - 1;
	if (first < STRING_MOST &&
	    bpf_copy_from_user_task(scratch->raw + first, STRING_MOST - first, (void *)pointer + first, task, 0))
		return -1;
	length = bpf_probe_read_kernel_str(scratch->bytes + used, STRING_MOST, scratch->raw);
	if (length <= 0 || length > STRING_MOST)
		return -1;
	if (scratch->raw[length - 1])
		scratch->thread.flags |= FLAG_TRUNCATED;
	return length - 1;
}

/* A NULL pointer is no path; a path that cannot be read is none either, but the record says so. */
rarely_ u16 copy_path(struct scratch *scratch, struct task_struct *task, u32 place)
{
	u64 pointer = place ? scratch->thread.args[(place - 1) & 7] : 0;
	s64 length;

	if (!pointer)
		return ABSENT;
	length = copy_string(scratch, task, pointer);
	if (length < 0) {
		scratch->thread.flags |= FLAG_PATH_UNREADABLE;
		return ABSENT;
	}
	scratch->used += length;
	return length;
}

struct argv_walk {
	struct scratch *scratch;
	struct task_struct *task;
	u64 argv;
	u64 first; /* of the bytes that are used */
	u32 width; /* of a pointer */
	u32 ended, failed;
};

repeated_ int next_argument(u32 i, void *context)
{
	struct argv_walk *walk = context;
	u64 pointer = 0, used = used_in(walk->scratch);
	s64 length;

	if (used - walk->first >= ARGV_MOST)
		return 1;
	walk->ended = walk->failed = 1;
	if (bpf_copy_from_user_task(&pointer, walk->width == 4 ? 4 : 8, (void *)(walk->argv + walk->width * i),
				    walk->task, 0))
		return 1;
	if (!pointer) {
		walk->failed = 0;
		return 1;
	}
	length = copy_string(walk->scratch, walk->task, pointer);
	if (length < 0)
		return 1;
	walk->scratch->used = used + length + 1;
	walk->ended = walk->failed = 0;
	return 0;
}

/* What is too long, or too many, is left out, and flagged. */
rarely_ u16 copy_argv(struct scratch *scratch, struct task_struct *task, u64 argv)
{
	struct argv_walk walk = {.scratch = scratch, .task = task, .argv = argv};
	u64 length;

	walk.first = used_in(scratch);
	walk.width = scratch->thread.abi == ABI_I386 ? 4 : 8;
	bpf_loop(ARGUMENTS, next_argument, &walk, 0);
	if (walk.failed) {
		scratch->used = walk.first;
		return ABSENT;
	}
	if (!walk.ended)
		scratch->thread.flags |= FLAG_TRUNCATED;
	length = used_in(scratch) - walk.first;
	if (length > ARGV_MOST) {
		length = ARGV_MOST;
		scratch->used = walk.first + length;
	}
	return length;
}

struct user_msghdr {
	u64 name;
	u32 name_length;
};

rarely_ u16 copy_address(struct scratch *scratch, struct task_struct *task, u32 how)
{
	u64 pointer = scratch->thread.args[1], length = (u32)scratch->thread.args[2], used = used_in(scratch);
	struct user_msghdr message = {};

	if (how == ADDR_GIVEN_LAST) {
		pointer = scratch->thread.args[4];
		length = (u32)scratch->thread.args[5];
	} else if (how == ADDR_MESSAGE) {
		if (bpf_copy_from_user_task(&message, sizeof(message), (void *)pointer, task, 0))
			return ABSENT;
		pointer = message.name;
		length = message.name_length;
	} else if (how != ADDR_GIVEN) {
		return ABSENT; /* given back, which it has not been */
	}
	if (length > ADDR_MOST)
		length = ADDR_MOST;
	opaque(length);
	if (!pointer || !length || length > ADDR_MOST || used > BYTES_MOST)
		return ABSENT;
	if (bpf_copy_from_user_task(scratch->bytes + used, length, (void *)pointer, task, 0))
		return ABSENT;
	scratch->used = used + length;
	return length;
}

/* As gather of finish.bpf.h, of a call that has given nothing back. */
inline_ void gather(struct scratch *scratch, struct task_struct *task, u32 plan)
{
	struct systape_pieces *pieces = (struct systape_pieces *)scratch->bytes;

	if (!(plan & PLAN_FILLED))
		pieces->path = copy_path(scratch, task, PLAN_PATH(plan));
	if (plan & PLAN_EXEC) {
		pieces->data = copy_argv(scratch, task, scratch->thread.args[PLAN_PATH(plan) & 7]);
		return;
	}
	pieces->path2 = copy_path(scratch, task, PLAN_PATH2(plan));
	if (PLAN_ADDR(plan))
		pieces->addr = copy_address(scratch, task, PLAN_ADDR(plan));
}

/* Of a call that was left meanwhile, maybe for the same one, the arguments may have pointed to something else. */
inline_ void read_what_it_points_to(struct scratch *scratch, struct task_struct *task, u32 plan)
{
	u64 before = task->nvcsw + task->nivcsw;
	struct systape_running after = {};

	gather(scratch, task, plan);
	if (in_call(task, &after) && same_call(&scratch->thread, &after) && before == task->nvcsw + task->nivcsw)
		return;
	*(u64 *)scratch->bytes = NOTHING_READ;
	scratch->thread.flags = !(plan & PLAN_FILLED) && PLAN_PATH(plan) ? FLAG_PATH_UNREADABLE : 0;
}

inline_ u64 read_thread(struct scratch *scratch, struct task_struct *task)
{
	u32 cell, plan;

	if (!in_call(task, &scratch->thread))
		return 0;
	scratch->thread.flags = 0;
	*(u64 *)scratch->bytes = NOTHING_READ;
	scratch->used = sizeof(struct systape_pieces);
	cell = cell_of(scratch->thread.nr, scratch->thread.abi);
	plan = cell < CELLS ? plans[cell] : 0;
	if ((u16)plan)
		read_what_it_points_to(scratch, task, plan);
	scratch->thread.bytes = *(u64 *)scratch->bytes == NOTHING_READ ? 0 : used_in(scratch);
	return sizeof(scratch->thread) + scratch->thread.bytes;
}

SEC("iter.s/task")
int running(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct scratch *mine;
	u32 zero = 0;
	u64 length;

	if (!task || task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))
		return 0;
	mine = lookup(MAP(scratch), &zero);
	if (!mine || __sync_val_compare_and_swap(&mine->busy, 0, 1))
		return 0;
	length = read_thread(mine, task);
	opaque(length);
	if (length && length <= sizeof(mine->thread) + BYTES_MOST)
		bpf_seq_write(ctx->meta->seq, &mine->thread, length);
	barrier_();
	*(volatile u64 *)&mine->busy = 0;
	return 0;
}

LICENSE_GPL;
