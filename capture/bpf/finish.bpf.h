/* SPDX-License-Identifier: GPL-2.0 */
/* The last steps of a record: judged, given what the call points to, published. */

inline_ u16 plan_of(struct systape_ring *ring, u64 cell)
{
	opaque(cell);
	return cell < CELLS ? ring->plan[cell] : 0;
}

inline_ u64 argument(struct systape_record *row, u32 one_based)
{
	return row->args[(one_based - 1) & 7];
}

/* Reads what the call points to, and says where the byte ring's head goes if the record is published. */
rarely_ u64 gather(struct systape_ring *ring, struct systape_record *row, struct task_struct *task, u16 plan)
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

		if (PLAN_PATH(plan))
			pieces->path = read_path(&payload, argument(row, PLAN_PATH(plan)));
		if (PLAN_PATH2(plan))
			pieces->path2 = read_path(&payload, argument(row, PLAN_PATH2(plan)));
		if (PLAN_ADDR(plan))
			pieces->addr = plan_address(&payload, PLAN_ADDR(plan), row);
		if (PLAN_DATA(plan))
			pieces->data = plan_data(&payload, PLAN_DATA(plan), row);
	}
	row->flags |= ring->payload_flags;
	row->payload = payload.position;
	return payload_end(&payload);
}

/* Judges the call's row behind the head and makes it a record. The number is judged again, for rows without an entry. A
 * call that the filter leaves out still becomes a row, flagged, where names depend on it. */
inline_ int finish_call(struct systape_ring *ring, struct systape_record *row, struct task_struct *task, u64 who)
{
	u32 cell = cell_of(row->nr, row->abi);
	u64 bytes_head = ring->bytes_head;
	u16 plan = plan_of(ring, cell);
	int asked_for;

	row->kind = KIND_SYSCALL;
	fill_task(row, task, who);
	asked_for = (!CFG(by_cell) || selected(cell)) && (!CFG(by_row) || wanted(row, task));
	if (!asked_for && (!CFG(has_states) || !keeps_state(cell) || row->ret < 0)) {
		ring->filtered++;
		return 0;
	}
	if (plan)
		bytes_head = gather(ring, row, task, plan);
	if (asked_for) {
		publish_call(ring, cell, bytes_head);
		return 0;
	}
	row->flags |= FLAG_STATE_ONLY;
	ring->filtered++;
	publish_state(ring, bytes_head);
	return 0;
}
