/* SPDX-License-Identifier: GPL-2.0 */
/* What a call points to: paths, a socket address, the first bytes of a buffer, the arguments of a program.
 *
 * The bytes go into the byte ring of the same CPU, behind a header with the length of each piece. They are written like
 * the records: first behind the head, and the head moves when the record is published. A payload never wraps: where the
 * largest would not fit before the end of the ring, it starts at the beginning. */

#define PATH_MOST 4096
#define ADDR_MOST 128
#define DATA_MOST 65535
#define IOVECS 16
#define NOTHING_READ (~0ULL) /* all four lengths are ABSENT */
#define BEFORE_PATH2 (sizeof(struct systape_pieces) + PATH_MOST)
#define BEFORE_ADDR (BEFORE_PATH2 + PATH_MOST)
#define BEFORE_DATA (BEFORE_ADDR + ADDR_MOST)
#define PAYLOAD_MOST (BEFORE_DATA + DATA_MOST + 1)

/* How much is used stands in the ring, not here: of what is in memory the verifier forgets the value, where it would
 * follow each that a register can have. */
struct payload {
	struct systape_ring *ring;
	u8 *start;    /* in the byte ring */
	u64 position; /* of the start, counted since the beginning */
};

inline_ u64 used_by(struct payload *payload)
{
	u64 used = *(volatile u64 *)&payload->ring->used;

	opaque(used);
	return used;
}

inline_ struct systape_pieces *pieces_of(struct payload *payload)
{
	return (struct systape_pieces *)payload->start;
}

/* There must be room for the largest payload: a read that faults may zero all that it was allowed to write. */
inline_ int open_payload(struct payload *payload, struct systape_ring *ring)
{
	u64 position = ring->bytes_head, at = position & (CFG(ring_bytes) - 1);

	if (at > CFG(ring_bytes) - PAYLOAD_MOST) {
		position += CFG(ring_bytes) - at;
		at = 0;
	}
	if (position + PAYLOAD_MOST - *(volatile u64 *)&ring->bytes_tail > CFG(ring_bytes)) {
		ring->payload_dropped++;
		return 0;
	}
	payload->position = position;
	payload->start = (void *)ring + RING_HEADER + (u64)CFG(ring_records) * sizeof(struct systape_record) + at;
	payload->ring = ring;
	ring->used = sizeof(struct systape_pieces);
	ring->payload_flags = 0;
	*(u64 *)payload->start = NOTHING_READ;
	return 1;
}

/* Where the head of the byte ring goes when the record is published. */
inline_ u64 payload_end(struct payload *payload)
{
	return payload->position + ((used_by(payload) + PAYLOAD_ALIGN - 1) & ~(u64)(PAYLOAD_ALIGN - 1));
}

/* A NULL pointer is no path; a path that cannot be read is none either, but the record says so. */
inline_ u16 read_path(struct payload *payload, u64 pointer)
{
	u64 used = used_by(payload);
	s64 length;

	if (!pointer)
		return ABSENT;
	if (used > BEFORE_PATH2)
		return ABSENT;
	length = bpf_probe_read_user_str(payload->start + used, PATH_MOST, (void *)pointer);
	if (length <= 0) {
		payload->ring->payload_flags |= FLAG_PATH_UNREADABLE;
		return ABSENT;
	}
	if (length == PATH_MOST)
		payload->ring->payload_flags |= FLAG_TRUNCATED;
	payload->ring->used = used + length - 1;
	return length - 1;
}

inline_ u16 read_address(struct payload *payload, u64 pointer, u64 length)
{
	u64 used = used_by(payload);

	if (!pointer || !length)
		return ABSENT;
	if (length > ADDR_MOST)
		length = ADDR_MOST;
	opaque(length);
	if (used > BEFORE_ADDR || length > ADDR_MOST)
		return ABSENT;
	if (bpf_probe_read_user(payload->start + used, length, (void *)pointer))
		return ABSENT;
	payload->ring->used = used + length;
	return length;
}

/* Appends bytes to the last piece, which began at `first` and is to have at most `limit`. */
inline_ int read_data(struct payload *payload, u64 pointer, u64 length, u64 first, u64 limit)
{
	u64 used = used_by(payload), have = used - first;

	if (have >= limit)
		return 0;
	if (length > limit - have)
		length = limit - have;
	opaque(length);
	if (!length || length > DATA_MOST || used > BEFORE_DATA + DATA_MOST)
		return 0;
	if (bpf_probe_read_user(payload->start + used, length, (void *)pointer))
		return -1;
	payload->ring->used = used + length;
	return 0;
}

struct user_iovec {
	u64 base, length;
};

struct user_msghdr {
	u64 name;
	u32 name_length, pad;
	u64 vector, vectors;
};

inline_ int read_vector(struct payload *payload, u64 vector, u64 count, u64 first, u64 limit)
{
	u32 i;

	for (i = 0; i < IOVECS && i < count; i++) {
		struct user_iovec one = {};

		if (bpf_probe_read_user(&one, sizeof(one), (void *)(vector + i * sizeof(one))))
			return -1;
		if (read_data(payload, one.base, one.length, first, limit))
			return -1;
	}
	return 0;
}

inline_ u16 plan_address(struct payload *payload, u32 how, struct systape_record *row)
{
	u32 length = 0;

	if (how == ADDR_GIVEN)
		return read_address(payload, row->args[1], (u32)row->args[2]);
	if (how == ADDR_GIVEN_LAST)
		return read_address(payload, row->args[4], (u32)row->args[5]);
	if (how == ADDR_MESSAGE) {
		struct user_msghdr message = {};

		if (bpf_probe_read_user(&message, sizeof(message), (void *)row->args[1]))
			return ABSENT;
		return read_address(payload, message.name, message.name_length);
	}
	if (row->ret < 0)
		return ABSENT;
	if (bpf_probe_read_user(&length, 4, (void *)(how == ADDR_BACK ? row->args[2] : row->args[5])))
		return ABSENT;
	return read_address(payload, how == ADDR_BACK ? row->args[1] : row->args[4], length);
}

inline_ u64 least(u64 a, u64 b)
{
	return a < b ? a : b;
}

inline_ int read_buffer(struct payload *payload, u32 how, struct systape_record *row, u64 first, u64 limit)
{
	struct user_msghdr message = {};

	if (how == DATA_GIVEN || how == DATA_GIVEN_THIRD) {
		u32 place = how == DATA_GIVEN ? 1 : 2;

		return read_data(payload, row->args[place], row->args[place + 1], first, limit);
	}
	if (how == DATA_BACK || how == DATA_BACK_FIRST || how == DATA_BACK_THIRD)
		return read_data(payload, row->args[how == DATA_BACK ? 1 : how == DATA_BACK_FIRST ? 0 : 2], row->ret,
				 first, limit);
	if (how == DATA_GIVEN_VECTOR || how == DATA_BACK_VECTOR)
		return read_vector(payload, row->args[1], row->args[2], first, limit);
	if (bpf_probe_read_user(&message, sizeof(message), (void *)row->args[1]))
		return -1;
	return read_vector(payload, message.vector, message.vectors, first, limit);
}

inline_ u16 plan_data(struct payload *payload, u32 how, struct systape_record *row)
{
	u64 first = used_by(payload), limit = CFG(data_bytes);
	int back = how == DATA_BACK || how == DATA_BACK_FIRST || how == DATA_BACK_THIRD || how == DATA_BACK_VECTOR ||
		   how == DATA_BACK_MESSAGE;

	if (how == DATA_PAIR || how == DATA_PAIR_LAST) {
		if (row->ret || read_data(payload, how == DATA_PAIR ? row->args[0] : row->args[3], 8, first, 8))
			return ABSENT;
		return 8;
	}
	if (!limit || (back && row->ret < 0))
		return ABSENT;
	if (back && limit > (u64)row->ret)
		limit = row->ret;
	if (read_buffer(payload, how, row, first, limit) && used_by(payload) == first)
		return ABSENT;
	return used_by(payload) - first;
}
