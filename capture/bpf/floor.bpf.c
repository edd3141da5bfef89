// SPDX-License-Identifier: GPL-2.0
/* What any tracer of all calls must pay, for `capture bench`: empty programs, and programs that only read the clock. */
#include "kernel.bpf.h"

u64 clock_sink;

SEC("tp_btf/sys_enter")
int empty_enter(void *ctx)
{
	return 0;
}

SEC("tp_btf/sys_exit")
int empty_exit(void *ctx)
{
	return 0;
}

SEC("tp_btf/sys_enter")
int clock_enter(void *ctx)
{
	clock_sink = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int clock_exit(void *ctx)
{
	clock_sink = bpf_ktime_get_ns();
	return 0;
}

LICENSE_GPL;
