/* SPDX-License-Identifier: GPL-2.0 */
/* A call as it stands in the registers of its thread: by which table it is numbered, number and arguments. */

#define TS_COMPAT 2
#define X32_BIT 0x40000000

/* A 64-bit program may make 32-bit calls (int 0x80), so this is a property of the call. */
inline_ u8 abi_of(struct task_struct *task, u32 nr)
{
	if (KNOWN(status) && (READ(u32, task, thread_info.status, status) & TS_COMPAT))
		return ABI_I386;
	return nr & X32_BIT && (s32)nr > 0 ? ABI_X32 : ABI_X86_64;
}

inline_ u32 cell_of(u32 nr, u8 abi)
{
	if (nr >= CELLS_PER_ABI || abi == ABI_X32)
		return CELL_OTHER;
	return abi == ABI_I386 ? CELLS_PER_ABI + nr : nr;
}

inline_ void read_args(u64 *args, void *pointer, u8 abi)
{
	REGS(regs, pointer);

	if (abi == ABI_I386) {
		args[0] = (u32)regs->bx;
		args[1] = (u32)regs->cx;
		args[2] = (u32)regs->dx;
		args[3] = (u32)regs->si;
		args[4] = (u32)regs->di;
		args[5] = (u32)regs->bp;
		return;
	}
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
}

inline_ u32 number_in(void *pointer)
{
	REGS(regs, pointer);

	return regs->orig_ax;
}
