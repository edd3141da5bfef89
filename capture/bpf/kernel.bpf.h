/* SPDX-License-Identifier: GPL-2.0 */
/* The few kernel structures that are read, and the one way to read them under each loader.
 *
 * core: members by name; the loader moves them to where the running kernel has them (CO-RE), so only the members that
 *       are used stand here, and no header of the kernel is needed to build.
 * bcc:  no structure is known; each member is a probe read at the offset that the loader passes as -DOFF_<member>,
 *       taken from the running kernel's BTF or matching headers. -1: not known, the column is NULL.
 */
#ifdef SYSTAPE_BCC

#include <linux/types.h>
#include <uapi/linux/bpf.h>

struct task_struct;
struct linux_binprm;
struct mm_struct;
struct kernel_siginfo;
struct file;
struct fs_struct;
struct vfsmount;
struct mount;
struct dentry;
struct files_struct;
struct fdtable;
struct inode;
struct super_block;
struct cgroup;

#define READ_AT(type, base, offset)                                                                                   \
	({                                                                                                            \
		type value_ = 0;                                                                                      \
		bpf_probe_read_kernel(&value_, sizeof(value_), (void *)(base) + (offset));                            \
		value_;                                                                                               \
	})
#define KNOWN(member) (OFF_##member >= 0)
#define READ(type, base, path, member) READ_AT(type, base, OFF_##member)
#define READ_SLOWLY READ

/* The layout of a 64-bit x86 trap frame has not changed since 2.6; it is copied whole. */
struct regs {
	u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
#define REGS(name, pointer)                                                                                           \
	struct regs name##_copy = {}, *name = &name##_copy;                                                           \
	bpf_probe_read_kernel(name, sizeof(*name), (void *)(pointer))

#define MAP(name) ((void *)bpf_pseudo_fd(1, FD_##name))
#define lookup(map, key) bpf_map_lookup_elem((void *)(map), (void *)(key))
#define CFG(name) (CFG_##name)
#define PROBE(name) int name(struct bpf_raw_tracepoint_args *ctx)

#else /* core */

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};

typedef struct {
	u32 val;
} kuid_t;

struct cred {
	kuid_t euid;
};

struct kernfs_node {
	u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
	struct cgroup_subsys_state *subsys[16];
};

struct thread_info {
	u32 status;
};

struct sched_info {
	unsigned long long run_delay;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_end;
};

struct linux_binprm {
	const char *filename;
};

struct kernel_siginfo {
	int si_code;
};

struct super_block {
	u32 s_dev;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct fs_struct {
	struct path root, pwd;
};

struct inode {
	u16 i_mode;
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct signal_struct {
	struct {
		int counter;
	} live;
};

struct task_struct {
	struct thread_info thread_info;
	struct sched_info sched_info;
	unsigned int __state;
	unsigned int flags;
	unsigned long nvcsw, nivcsw;
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *real_parent;
	const struct cred *cred;
	char comm[16];
	struct css_set *cgroups;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
};

#pragma clang attribute pop

#define KNOWN(member) 1
#define READ(type, base, path, member) ((type)((base)->path))
/* For pointers that the verifier has lost track of: from 6.2 on it can be told what they point to, and a load that faults
 * gives 0; before, each takes a helper call. */
extern void *bpf_rdonly_cast(const void *pointer, u32 type) __ksym __weak;
#define READ_SLOWLY(type, base, path, member)                                                                         \
	({                                                                                                            \
		typeof(base) base_ = (base);                                                                          \
		type value_;                                                                                          \
		if (bpf_rdonly_cast) {                                                                                \
			base_ = bpf_rdonly_cast(base_, bpf_core_type_id_kernel(typeof(*base_)));                      \
			value_ = (type)base_->path;                                                                   \
		} else {                                                                                              \
			value_ = (type)BPF_CORE_READ(base_, path);                                                    \
		}                                                                                                     \
		value_;                                                                                               \
	})
#define REGS(name, pointer) struct pt_regs *name = (struct pt_regs *)(pointer)

#define MAP(name) (&name)
#define lookup(map, key) bpf_map_lookup_elem(map, key)
#define CFG(name) (cfg.name)
#define PROBE(name) SEC("tp_btf/" #name) int name(struct bpf_raw_tracepoint_args *ctx)

#endif

#ifdef SYSTAPE_BCC
#define LICENSE_GPL
#else
#define LICENSE_GPL char LICENSE[] SEC("license") = "GPL"
#endif

#define inline_ static __attribute__((always_inline)) inline

/* For what most calls do not need: a function of its own keeps its registers out of the common path. bcc inlines all. */
#ifdef SYSTAPE_BCC
#define rarely_ inline_
#else
#define rarely_ static __attribute__((noinline))
#endif
#define barrier_() asm volatile("" ::: "memory")

/* Calls body(i, context) for i from 0 until it returns 1, at most `most` times. The kernel's own loop is verified once. Where
 * there is none (before 5.17), and under bcc, each round is verified: then there are only `few`. */
#define ROUNDS(few, body, context)                                                                                    \
	({                                                                                                            \
		u32 round_;                                                                                           \
		for (round_ = 0; round_ < (few); round_++)                                                            \
			if (body(round_, context))                                                                    \
				break;                                                                                \
	})
#ifdef SYSTAPE_BCC
#define REPEAT(most, few, body, context) ROUNDS(few, body, context)
#define repeated_ inline_
#else
#define REPEAT(most, few, body, context)                                                                              \
	({                                                                                                            \
		if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))                                      \
			bpf_loop(most, body, context, 0);                                                             \
		else                                                                                                  \
			ROUNDS(few, body, context);                                                                   \
	})
#define repeated_ static __attribute__((noinline))
#endif

/* Hides from the compiler what it knows of a value, so that it does not remove the check which the verifier asks for. */
#define opaque(value) asm volatile("" : "+r"(value))
