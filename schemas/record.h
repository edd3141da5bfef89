/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The record and the ring: what the kernel program writes and user space reads. schemas/record.py says the same in
 * numpy; tests/contract/test_record_layout.py holds the two equal. Include after the __u8 .. __u64 types exist. */
#ifndef SYSTAPE_RECORD_H
#define SYSTAPE_RECORD_H

enum systape_kind {
	KIND_SYSCALL = 0,
	KIND_FORK = 1,
	KIND_EXEC = 2,
	KIND_EXIT = 3,
	KIND_SIGNAL = 4,
	KIND_PROCESS = 5, /* the kinds from here on are made in user space */
	KIND_FD = 6,
	KIND_LOSS = 7,
};

enum systape_abi {
	ABI_X86_64 = 0,
	ABI_I386 = 1,
	ABI_X32 = 2,
	ABI_AARCH64 = 3,
	ABI_ARM = 4,
};

enum systape_flag {
	FLAG_ENTRY_UNSEEN = 1,
	FLAG_UNFINISHED = 2,
	FLAG_PATH_UNREADABLE = 4,
	FLAG_TRUNCATED = 8,
	FLAG_ESCAPED = 16,
	FLAG_STATE_ONLY = 32,
	FLAG_PAYLOAD_LOST = 64,
};

/* Why a call that was seen is not in the file. The first three are counted in the kernel. */
enum systape_cause {
	CAUSE_RING_FULL = 0,
	CAUSE_TABLE_FULL = 1,
	CAUSE_RECURSION = 2,
	CAUSE_WRITER = 3,
	CAUSE_LIMIT = 4,
	CAUSE_DAMAGED = 5, /* written, but not there after a power cut: schemas/damage.py */
	CAUSES = 6,
	KERNEL_CAUSES = 2, /* those with a counter per call in the ring; recursion is counted by the kernel itself */
};

/* One cell per call that has a number of its own: CELLS_PER_ABI native, CELLS_PER_ABI compat, one for all others. */
#define CELLS_PER_ABI 512
#define CELL_OTHER (2 * CELLS_PER_ABI)
#define CELLS (2 * CELLS_PER_ABI + 8)

#define NOT_MEASURED 0xffffffffffffffffULL /* dur, runq: no value */
#define NO_PAYLOAD 0xffffffffU             /* payload: no bytes belong to the record */

/* 128 bytes, two cache lines. */
struct systape_record {
	__u64 ts;   /* CLOCK_MONOTONIC, ns: at entry; at exit if the entry was unseen */
	__u64 dur;  /* ns, or NOT_MEASURED */
	__u64 args[6];
	__s64 ret;
	__u32 pid;
	__u32 tid;
	__u32 nr;   /* as the program gave it; on fork and exec records the parent's pid */
	__u32 uid;  /* effective, initial user namespace */
	char comm[16];
	__u64 cgroup; /* kernfs id */
	__u64 runq; /* ns of dur spent waiting for a CPU, or NOT_MEASURED */
	__u32 payload; /* position in the byte ring, modulo 2^32, or NO_PAYLOAD */
	__u16 flags;
	__u8 kind;
	__u8 abi;
};

/* What a record's payload begins with: the length of each piece, in this order, or ABSENT. The last piece is what was
 * moved by I/O, the arguments of a program (each with its NUL), or the two descriptors that pipe or socketpair made. */
struct systape_pieces {
	__u16 path;
	__u16 path2;
	__u16 addr;
	__u16 data;
};

#define ABSENT 0xffff
#define PAYLOAD_ALIGN 8

/* How the pieces of a call are found: one __u32 per cell, written by user space. PLAN_PATH and PLAN_PATH2 are 1 + the
 * argument that points to a path, PLAN_FD 1 + the first one that is a descriptor, or
 * PLAN_FD_RETURNED for the result; 0 where there is none. Only the lower
 * half asks for a payload. */
#define PLAN_PATH(plan) ((plan) & 7)
#define PLAN_PATH2(plan) ((plan) >> 3 & 7)
#define PLAN_ADDR(plan) ((plan) >> 6 & 7)
#define PLAN_DATA(plan) ((plan) >> 9 & 15)
#define PLAN_EXEC 0x8000
#define PLAN_FD(plan) ((plan) >> 16 & 7)
#define PLAN_FD_RETURNED 7
#define PLAN_FOUND(plan) ((plan) >> 20 & 7)
#define PLAN_FILLED 0x80000 /* the path is what the call has written there */

/* By what a call is known to have found a file: the second path of its payload then is what the kernel found. */
enum systape_found {
	FOUND_NOTHING = 0,
	FOUND_BY_FD = 1,   /* the descriptor that it returned */
	FOUND_BY_CWD = 2,  /* the working directory */
	FOUND_BY_PAIR = 3, /* the first descriptor at argument 0: both are of one file */
	FOUND_BY_SOCKETS = 4, /* the two descriptors at argument 3: one after the other */
};

#define FOUND_FILE 'f'   /* then names, each with its NUL, from the file up to the root */
#define FOUND_SOCKET 's' /* then the number of the inode, 64 bits; of a pair two of them */
#define FOUND_PIPE 'p'

enum systape_addr {
	ADDR_NONE = 0,
	ADDR_GIVEN = 1,      /* argument 1, its length argument 2 */
	ADDR_GIVEN_LAST = 2, /* argument 4, its length argument 5 */
	ADDR_BACK = 3,       /* argument 1, its length behind argument 2, if the call succeeds */
	ADDR_BACK_LAST = 4,  /* argument 4, its length behind argument 5, if the call succeeds */
	ADDR_MESSAGE = 5,    /* in the msghdr at argument 1 */
};

enum systape_data {
	DATA_NONE = 0,
	DATA_GIVEN = 1,        /* argument 1, argument 2 bytes */
	DATA_BACK = 2,         /* argument 1, as many bytes as the result says */
	DATA_GIVEN_VECTOR = 3, /* iovecs at argument 1, argument 2 of them */
	DATA_BACK_VECTOR = 4,
	DATA_GIVEN_MESSAGE = 5, /* iovecs of the msghdr at argument 1; the first one of several */
	DATA_BACK_MESSAGE = 6,
	DATA_PAIR = 7,      /* two descriptors at argument 0, if the call succeeds */
	DATA_PAIR_LAST = 8, /* two descriptors at argument 3, if the call succeeds */
	DATA_BACK_FIRST = 9,  /* argument 0, as many bytes as the result says */
	DATA_BACK_THIRD = 10, /* argument 2, as many bytes as the result says */
	DATA_GIVEN_THIRD = 11, /* argument 2, argument 3 bytes */
};

/* The start of each CPU's element of the `rings` map; RING_HEADER bytes, then the records, then the byte ring.
 * Positions count records (head, tail) or bytes (bytes_head, bytes_tail) since the start and never wrap.
 * The producer owns the first line and the counters, the consumer the second line. */
struct systape_ring {
	__u64 head;
	__u64 bytes_head;
	__u64 pad0[6];
	__u64 tail;
	__u64 bytes_tail;
	__u64 pad1[6];
	__u64 own_enters;     /* the collector's own calls: counted, not recorded */
	__u64 own_exits;
	__u64 child_returns;  /* returns of fork and clone in the child: no call of the child's */
	__u64 filtered;       /* returns that the user's filter left out */
	__u64 state_dropped;  /* fork, exec, exit, ... records for which the ring had no room */
	__u64 payload_dropped; /* records whose bytes found no room */
	__u64 entries_lost;   /* entries for which the table had no room: such calls have flag 1 */
	__u64 used;           /* by the payload that is being written: bytes, and flags for its record */
	__u64 payload_flags;
	__u64 stopping;       /* set by user space just before it detaches: see on_exit */
	__u64 pad2[6];
	__u64 seen[CELLS];
	__u64 dropped[KERNEL_CAUSES][CELLS];
	__u32 plan[CELLS];
};

#define RING_HEADER 65536

/* A call in progress, found by the low bits of its tid. */
struct systape_entry {
	__u64 owner; /* tid of the thread that holds this place, 0 if nobody does */
	__u64 ts;    /* 0 while the owner is in no call */
	__u64 args[6];
	__u64 run_delay; /* the scheduler's own figure at entry */
	__u32 nr;
	__u32 pid;
	__u8 abi;
	__u8 on_path; /* its descriptor is of a file that the path filter asks for */
	__u8 pad[46];
};

#define ENTRIES 65536

/* The path and arguments of a program that is being executed, read before its memory is gone. */
#define EXEC_PATH 4096
#define EXEC_ARGV 32768
#define EXEC_SLACK 4096

struct systape_exec {
	__u64 owner; /* tid, 0 if free */
	__u16 path;  /* length, or ABSENT */
	__u16 argv;
	__u16 flags;
	__u16 pad;
	char bytes[EXEC_PATH + EXEC_ARGV + EXEC_SLACK];
};

#define EXECS 64

/* A thread in a call, as bpf/running.bpf.c tells of it; `bytes` of payload follow. */
struct systape_running {
	__u64 args[6];
	__u32 pid;
	__u32 tid;
	__u32 nr;
	__u32 bytes;
	__u16 flags; /* of what could not be read */
	__u8 abi;
	__u8 pad[5];
};

#endif
