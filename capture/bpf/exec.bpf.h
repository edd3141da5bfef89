/* SPDX-License-Identifier: GPL-2.0 */
/* Path and arguments of execve: read at entry, since a success replaces the memory that they lie in, and kept for the
 * return in one of a few slots. Without a slot, or after a fault, the new program's own memory tells. */

#define ARGUMENTS 4096
#define ARGUMENTS_FEW 128

inline_ struct systape_exec *slot_of(u32 tid)
{
	u32 place = tid & (EXECS - 1);

	return lookup(MAP(execs), &place);
}

inline_ struct systape_exec *claim_slot(u32 tid)
{
	struct systape_exec *slot = slot_of(tid);

	if (!slot)
		return 0;
	if (slot->owner == tid || (!slot->owner && !__sync_val_compare_and_swap(&slot->owner, 0, (u64)tid)))
		return slot;
	return 0;
}

inline_ struct systape_exec *find_slot(u32 tid)
{
	struct systape_exec *slot = slot_of(tid);

	return slot && slot->owner == tid ? slot : 0;
}

inline_ void free_slot(struct systape_exec *slot)
{
	barrier_();
	*(volatile u64 *)&slot->owner = 0;
}

struct argv_walk {
	struct systape_exec *slot;
	u64 argv;
	u32 ended;
};

/* One argument with its NUL. How far we are stands in the slot, not in a register: the verifier would follow each value
 * that it can have. */
repeated_ int next_argument(u32 i, void *context)
{
	struct argv_walk *walk = context;
	struct systape_exec *slot = walk->slot;
	u64 pointer = 0, used = *(volatile u16 *)&slot->argv;
	s64 length;

	opaque(used);
	walk->ended = 1;
	if (bpf_probe_read_user(&pointer, sizeof(pointer), (void *)(walk->argv + 8 * i))) {
		slot->argv = ABSENT;
		return 1;
	}
	if (!pointer)
		return 1;
	if (used >= EXEC_ARGV) {
		slot->argv = EXEC_ARGV;
		slot->flags |= FLAG_TRUNCATED;
		return 1;
	}
	length = bpf_probe_read_user_str(slot->bytes + EXEC_PATH + used, EXEC_SLACK, (void *)pointer);
	if (length <= 0) {
		slot->argv = ABSENT;
		return 1;
	}
	slot->flags |= length == EXEC_SLACK ? FLAG_TRUNCATED : 0;
	slot->argv = used + length;
	walk->ended = 0;
	return 0;
}

/* What is too long, or too many, is left out, and flagged. */
inline_ void read_argv(struct systape_exec *slot, u64 argv)
{
	struct argv_walk walk = {.slot = slot, .argv = argv};

	slot->argv = 0;
	REPEAT(ARGUMENTS, ARGUMENTS_FEW, next_argument, &walk);
	if (!walk.ended)
		slot->flags |= FLAG_TRUNCATED;
}

/* execve(path, argv, ...), execveat(dirfd, path, argv, ...) */
rarely_ int stash_exec(u32 nr, u64 *args, u32 tid)
{
	struct systape_exec *slot = claim_slot(tid);
	s64 length;

	if (!slot)
		return 0;
	slot->flags = 0;
	length = bpf_probe_read_user_str(slot->bytes, EXEC_PATH, (void *)(nr == NR_EXECVE ? args[0] : args[1]));
	slot->path = length > 0 ? length - 1 : ABSENT;
	read_argv(slot, nr == NR_EXECVE ? args[1] : args[2]);
	return 0;
}

inline_ u16 copy_kept(struct payload *payload, void *from, u64 length, u64 most)
{
	u64 used = used_by(payload);

	if (length == ABSENT)
		return ABSENT;
	opaque(length);
	if (length > most || used > BEFORE_PATH2)
		return ABSENT;
	if (length && bpf_probe_read_kernel(payload->start + used, length, from))
		return ABSENT;
	payload->ring->used = used + length;
	return length;
}

/* The arguments as they lie on a new program's stack. */
inline_ u16 read_new_argv(struct payload *payload, struct task_struct *task)
{
	struct mm_struct *mm;
	u64 start, length, used = used_by(payload);

	if (!KNOWN(mm) || !KNOWN(arg_start) || !KNOWN(arg_end))
		return ABSENT;
	mm = READ(struct mm_struct *, task, mm, mm);
	start = READ(u64, mm, arg_start, arg_start);
	length = READ(u64, mm, arg_end, arg_end) - start;
	if (length > EXEC_ARGV) {
		length = EXEC_ARGV;
		payload->ring->payload_flags |= FLAG_TRUNCATED;
	}
	opaque(length);
	if (!length || length > EXEC_ARGV || used > BEFORE_PATH2)
		return ABSENT;
	if (bpf_probe_read_user(payload->start + used, length, (void *)start))
		return ABSENT;
	payload->ring->used = used + length;
	return length;
}

/* The path as the kernel leaves it behind a new program's environment: execfn of bprm, whose address it pushed first. */
inline_ u16 read_new_path(struct payload *payload, struct task_struct *task)
{
	struct mm_struct *mm;

	if (!KNOWN(mm) || !KNOWN(env_end))
		return ABSENT;
	mm = READ(struct mm_struct *, task, mm, mm);
	return read_path(payload, READ(u64, mm, env_end, env_end));
}

/* For the call itself. A failed one has left its memory as it was. */
inline_ void gather_exec(struct payload *payload, struct systape_record *row, struct task_struct *task, u64 path_pointer)
{
	struct systape_exec *slot = find_slot(row->tid);
	u16 path = ABSENT, argv = ABSENT;

	if (slot) {
		path = copy_kept(payload, slot->bytes, slot->path, EXEC_PATH);
		argv = slot->argv;
		payload->ring->payload_flags |= slot->flags;
	}
	if (path == ABSENT)
		path = row->ret ? read_path(payload, path_pointer) : read_new_path(payload, task);
	if (slot)
		argv = copy_kept(payload, slot->bytes + EXEC_PATH, argv, EXEC_ARGV);
	if (argv == ABSENT && !row->ret)
		argv = read_new_argv(payload, task);
	if (slot)
		free_slot(slot);
	pieces_of(payload)->path = path;
	pieces_of(payload)->data = argv;
}

/* For the row of the new program. */
inline_ void gather_program(struct payload *payload, struct task_struct *task, struct linux_binprm *program)
{
	s64 length = 0;

	if (KNOWN(filename))
		length = bpf_probe_read_kernel_str(payload->start + sizeof(struct systape_pieces), PATH_MOST,
						   READ(const char *, program, filename, filename));
	if (length > 0) {
		payload->ring->used += length - 1;
		pieces_of(payload)->path = length - 1;
	}
	pieces_of(payload)->data = read_new_argv(payload, task);
}
