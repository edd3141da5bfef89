/* SPDX-License-Identifier: GPL-2.0 */
/* Who makes the call: read from the task, by way of kernel.bpf.h. */

#define I386_MAX_REGISTER 0xffffffffULL

inline_ struct task_struct *current_task(void)
{
#ifdef SYSTAPE_BCC
	return (struct task_struct *)bpf_get_current_task();
#else
	return (struct task_struct *)bpf_get_current_task_btf();
#endif
}

/* pid << 32 | tid, in the initial namespace. A call into the kernel costs 10 ns or more where returns are mitigated, so
 * under core the task's own fields are read. */
inline_ u64 identity(struct task_struct *task)
{
#ifdef SYSTAPE_BCC
	return bpf_get_current_pid_tgid();
#else
	return (u64)task->tgid << 32 | (u32)task->pid;
#endif
}

inline_ u64 run_delay(struct task_struct *task)
{
	return KNOWN(run_delay) ? READ(u64, task, sched_info.run_delay, run_delay) : 0;
}

inline_ u32 effective_uid(struct task_struct *task)
{
	if (KNOWN(cred) && KNOWN(euid)) {
		struct cred *cred = READ(struct cred *, task, cred, cred);

		return READ(u32, cred, euid.val, euid);
	}
	return bpf_get_current_uid_gid();
}

inline_ struct cgroup *task_cgroup(struct task_struct *task)
{
	struct css_set *set;

	if (!KNOWN(cgroups) || !KNOWN(dfl_cgrp) || !KNOWN(subsys))
		return 0;
	set = READ(struct css_set *, task, cgroups, cgroups);
	if (CFG(cgroup_v1)) {
		struct cgroup_subsys_state *state;

#ifdef SYSTAPE_BCC
		state = READ_AT(struct cgroup_subsys_state *, set, OFF_subsys + 8 * (CFG(cgroup_v1) - 1));
#else
		state = set->subsys[(CFG(cgroup_v1) - 1) & 15];
#endif
		return READ(struct cgroup *, state, cgroup, css_cgroup);
	}
	return READ(struct cgroup *, set, dfl_cgrp, dfl_cgrp);
}

inline_ u64 cgroup_id(struct cgroup *group)
{
	struct kernfs_node *node = READ(struct kernfs_node *, group, kn, kn);

	return READ(u64, node, id, kn_id);
}

inline_ struct cgroup *cgroup_parent(struct cgroup *group)
{
	struct cgroup_subsys_state *parent = READ(struct cgroup_subsys_state *, group, self.parent, self_parent);

	return parent ? READ(struct cgroup *, parent, cgroup, css_cgroup) : 0;
}

/* Two loads under core. bcc has no fixed offset to trust when headers are another kernel's, but a helper. */
inline_ void read_comm(struct task_struct *task, char *comm)
{
#ifdef SYSTAPE_BCC
	bpf_get_current_comm(comm, 16);
#else
	((u64 *)comm)[0] = *(u64 *)&task->comm[0];
	((u64 *)comm)[1] = *(u64 *)&task->comm[8];
#endif
}

#define SHARES_FILES 1
#define SHARES_FS 2
#define SHARES_MEMORY 4
#define SHARES_THREAD_GROUP 8

inline_ u32 task_tid(struct task_struct *task)
{
	return KNOWN(pid) ? READ(u32, task, pid, pid) : 0;
}

inline_ u32 task_tgid(struct task_struct *task)
{
	return KNOWN(tgid) ? READ(u32, task, tgid, tgid) : 0;
}

inline_ u32 parent_pid(struct task_struct *task)
{
	if (!KNOWN(real_parent))
		return 0;
	return task_tgid(READ(struct task_struct *, task, real_parent, real_parent));
}

/* By comparing pointers: the flags of clone3 lie in the caller's memory. */
inline_ u64 shared_by(struct task_struct *parent, struct task_struct *child)
{
	u64 shared = 0;

	if (!KNOWN(files) || !KNOWN(fs) || !KNOWN(mm))
		return task_tgid(parent) == task_tgid(child) ? SHARES_THREAD_GROUP : 0;
	if (READ(u64, parent, files, files) == READ(u64, child, files, files))
		shared |= SHARES_FILES;
	if (READ(u64, parent, fs, fs) == READ(u64, child, fs, fs))
		shared |= SHARES_FS;
	if (READ(u64, parent, mm, mm) == READ(u64, child, mm, mm))
		shared |= SHARES_MEMORY;
	if (task_tgid(parent) == task_tgid(child))
		shared |= SHARES_THREAD_GROUP;
	return shared;
}

/* Counted down before the tracepoint is reached. */
inline_ int is_last_thread(struct task_struct *task)
{
	struct signal_struct *signal;

	if (!KNOWN(signal) || !KNOWN(live))
		return 0;
	signal = READ(struct signal_struct *, task, signal, signal);
	return READ(s32, signal, live.counter, live) == 0;
}

/* As wait(2) gives it. */
inline_ s64 exit_status(struct task_struct *task)
{
	return KNOWN(exit_code) ? READ(s32, task, exit_code, exit_code) : 0;
}

/* SEND_SIG_NOINFO and SEND_SIG_PRIV are no addresses. */
inline_ int is_siginfo(struct kernel_siginfo *info)
{
	return (u64)info > 1;
}

/* The layout of siginfo is an ABI: signo, errno, code, then the sender's pid for kill and its kin. */
inline_ s64 signal_code(struct kernel_siginfo *info)
{
	s32 code = 0;

	bpf_probe_read_kernel(&code, sizeof(code), (void *)info + 8);
	return code;
}

inline_ s64 signal_sender(struct kernel_siginfo *info)
{
	s32 pid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), (void *)info + 16);
	return pid;
}
