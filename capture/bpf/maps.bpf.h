/* SPDX-License-Identifier: GPL-2.0 */
/* The maps. Their sizes are set by the loader; under bcc the loader makes them itself and passes the descriptors. */
#ifndef SYSTAPE_BCC

const volatile struct systape_config cfg = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* one per CPU; a value is systape_ring, records, bytes */
	__uint(key_size, sizeof(u32));
	__uint(value_size, RING_HEADER);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ENTRIES);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct systape_entry));
} entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct systape_entry));
} overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* a byte per pid */
	__uint(key_size, sizeof(u32));
	__uint(value_size, 32768);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EXECS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct systape_exec));
} execs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct systape_lists));
} lists SEC(".maps");

#endif
