/* SPDX-License-Identifier: GPL-2.0 */
/* What the loader sets before the program is verified: branches that a setting rules out are removed by the verifier.
 * capture/loaders/base.py says the same in numpy. In bcc each member of systape_config is a -DCFG_<member>. */

#define LIST 16 /* names, users or groups that one filter may hold */

struct systape_config {
	u32 ring_records; /* a power of two */
	u32 ring_bytes;   /* of the byte ring behind the records; a power of two */
	u32 own_pid;      /* the collector */
	u32 pids;         /* size of `targets`, a power of two above every pid */
	u32 only_targets; /* 1: only processes marked in `targets` */
	u32 follow;       /* 1: children of targets are targets */
	u32 by_row;       /* 1: any of the filters on a row's own values */
	u32 by_cell;      /* 1: only calls in lists.cells */
	u32 comms, uids, cgroups; /* how many of each list are used; 0: no such filter */
	u32 failed_only;
	u32 data_bytes;   /* of a buffer, at most DATA_MOST */
	u32 has_states;   /* 1: calls in lists.states are kept when the filter leaves them out */
	u32 cgroup_v1;    /* 1 + index of the v1 controller whose hierarchy names the groups, or 0 for the v2 hierarchy */
	u32 paths;        /* how many of lists.paths are used */
	u64 min_latency;  /* ns */
};

#define PATHS 8
#define PATH_LISTED 256

/* The lists of the filters: one element of the `lists` map, read only where the count above is not 0. */
struct systape_lists {
	u64 cells[(CELLS + 63) / 64];  /* the calls asked for */
	u64 states[(CELLS + 63) / 64]; /* the calls that change what descriptors and processes are called */
	char comm[LIST][16];
	u64 cgroup[LIST];
	u32 uid[LIST];
	struct {
		char name[PATH_LISTED]; /* with zeroes behind it */
		u64 inode, device;      /* 0 if the path did not exist */
	} paths[PATHS];
};

/* A byte of `targets`. */
#define TARGET 1
#define TARGET_ARMED 2 /* a target from its next execve on: the command that the collector started */
#define TARGET_ENDED 4 /* its last threads are on their way out, in any order, and theirs is still asked for */
