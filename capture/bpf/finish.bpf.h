/* SPDX-License-Identifier: GPL-2.0 */
/* The last steps of a record: judged, given what the call points to, published. */

#define EINPROGRESS 115 /* a connect that goes on */

inline_ u32 plan_of(struct systape_ring *ring, u64 cell)
{
	opaque(cell);
	return cell < CELLS ? ring->plan[cell] : 0;
}

inline_ u64 argument(struct systape_record *row, u32 one_based)
{
	return row->args[(one_based - 1) & 7];
}

/* Reads what the call points to, and says where the byte ring's head goes if the record is published. */
rarely_ u64 gather(struct systape_ring *ring, struct systape_record *row, struct task_struct *task, u32 plan)
{
	struct payload payload;

	if (!open_payload(&payload, ring)) {
		row->flags |= FLAG_PAYLOAD_LOST;
		return ring->bytes_head;
	}
	if (plan & PLAN_EXEC) {
		gather_exec(&payload, row, task, argument(row, PLAN_PATH(plan)));
	} else {
		struct systape_pieces *pieces = pieces_of(&payload);

		if (PLAN_PATH(plan) && (!(plan & PLAN_FILLED) || row->ret > 0))
			pieces->path = read_path(&payload, argument(row, PLAN_PATH(plan)));
		if (PLAN_PATH2(plan))
			pieces->path2 = read_path(&payload, argument(row, PLAN_PATH2(plan)));
		else if (PLAN_FOUND(plan))
			pieces->path2 = find(&payload, row, task, PLAN_FOUND(plan));
		if (PLAN_ADDR(plan))
			pieces->addr = plan_address(&payload, PLAN_ADDR(plan), row);
		if (PLAN_DATA(plan))
			pieces->data = plan_data(&payload, PLAN_DATA(plan), row);
	}
	row->flags |= ring->payload_flags;
	if (*(u64 *)payload.start == NOTHING_READ)
		return ring->bytes_head;
	row->payload = payload.position;
	return payload_end(&payload);
}

inline_ int descriptor_listed(struct systape_entry *entry, struct task_struct *task, u32 cell)
{
	struct systape_ring *ring = this_ring();
	u32 place = ring ? PLAN_FD(plan_of(ring, cell)) : 0;

	return place && place != PLAN_FD_RETURNED && on_listed_file(task, entry->args[(place - 1) & 7]);
}

inline_ int path_listed(struct systape_ring *ring, struct systape_record *row, struct task_struct *task, u32 plan)
{
	u64 at = row->payload & (CFG(ring_bytes) - 1);

	if (PLAN_FD(plan) == PLAN_FD_RETURNED && row->ret >= 0 && on_listed_file(task, row->ret))
		return 1;
	if (row->payload == NO_PAYLOAD || at > CFG(ring_bytes) - PAYLOAD_MOST)
		return 0;
	return on_listed_path((void *)ring + RING_HEADER + (u64)CFG(ring_records) * sizeof(*row) + at);
}

/* Completes the row, and says whether the filter asks for it. */
inline_ int judge(struct systape_record *row, struct task_struct *task, u64 who, u32 cell)
{
	row->kind = KIND_SYSCALL;
	fill_task(row, task, who);
	return (!CFG(by_cell) || selected(cell)) && (!CFG(by_row) || wanted(row, task));
}

/* The call in which a thread ends, which points to nothing. */
inline_ void finish_last_call(struct systape_ring *ring, struct systape_record *row, struct task_struct *task, u64 who)
{
	u32 cell = cell_of(row->nr, row->abi);

	if (judge(row, task, who, cell) && !CFG(paths))
		publish_call(ring, cell, ring->bytes_head);
	else
		ring->filtered++;
}

/* Judges the call's row behind the head and makes it a record. The number is judged again, for rows without an entry. A
 * call that the filter leaves out still becomes a row, flagged, where names depend on it. */
inline_ int finish_call(struct systape_ring *ring, struct systape_record *row, struct task_struct *task, u64 who,
			int on_path)
{
	u32 cell = cell_of(row->nr, row->abi);
	u64 bytes_head = ring->bytes_head;
	u32 plan = plan_of(ring, cell);
	int asked_for = judge(row, task, who, cell), state;

	state = CFG(has_states) && (row->ret >= 0 || row->ret == -EINPROGRESS) && keeps_state(cell);
	if (((u16)plan || PLAN_FOUND(plan)) && (asked_for || state))
		bytes_head = gather(ring, row, task, plan);
	if (CFG(paths) && asked_for)
		asked_for = on_path || path_listed(ring, row, task, plan);
	if (asked_for) {
		publish_call(ring, cell, bytes_head);
		return 0;
	}
	ring->filtered++;
	if (state) {
		row->flags |= FLAG_STATE_ONLY;
		publish_state(ring, bytes_head);
	}
	return 0;
}
