/* SPDX-License-Identifier: GPL-2.0 */
/* The ring of the CPU that runs the program: its only producer, since tracepoint programs run with preemption off.
 *
 * One place is kept free, so the row behind the head never holds what user space may be reading. A record is filled
 * there first and judged afterwards; only moving the head makes it one. Nothing is copied, nothing is reserved. */

inline_ struct systape_ring *this_ring(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return lookup(MAP(rings), &cpu);
}

inline_ struct systape_record *row_behind_head(struct systape_ring *ring)
{
	u64 place = ring->head & (CFG(ring_records) - 1);

	return (void *)ring + RING_HEADER + place * sizeof(struct systape_record);
}

/* Makes the row behind the head a record, and the bytes behind theirs up to `bytes_head` its payload. 0 if the ring is
 * full. */
inline_ int publish(struct systape_ring *ring, u64 bytes_head)
{
	u64 head = ring->head;

	if (head - *(volatile u64 *)&ring->tail >= CFG(ring_records) - 1)
		return 0;
	ring->bytes_head = bytes_head;
	barrier_(); /* the record before the head; x86 keeps the order of stores */
	*(volatile u64 *)&ring->head = head + 1;
	return 1;
}

inline_ void count(u64 *counters, u64 cell)
{
	opaque(cell);
	if (cell < CELLS)
		counters[cell]++;
}

/* A call that passed the filter: counted as seen first, and as dropped where it is dropped. */
inline_ void publish_call(struct systape_ring *ring, u32 cell, u64 bytes_head)
{
	count(ring->seen, cell);
	if (!publish(ring, bytes_head))
		count(ring->dropped[CAUSE_RING_FULL], cell);
}

inline_ void publish_state(struct systape_ring *ring, u64 bytes_head)
{
	if (!publish(ring, bytes_head))
		ring->state_dropped++;
}
