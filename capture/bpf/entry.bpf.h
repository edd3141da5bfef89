/* SPDX-License-Identifier: GPL-2.0 */
/* Calls in progress. A thread keeps its place, found by the low bits of its tid, from its first call to its end, so that
 * the common path is one comparison; a thread that finds its place taken goes to the overflow hash. */

inline_ struct systape_entry *place_of(u32 tid)
{
	u32 place = tid & (ENTRIES - 1);

	return lookup(MAP(entries), &place);
}

rarely_ struct systape_entry *claim_overflow(u32 tid)
{
	struct systape_entry *entry = lookup(MAP(overflow), &tid), fresh = {};

	if (entry)
		return entry;
	fresh.owner = tid;
	bpf_map_update_elem(MAP(overflow), &tid, &fresh, BPF_NOEXIST);
	return lookup(MAP(overflow), &tid);
}

inline_ struct systape_entry *claim_entry(u32 tid)
{
	struct systape_entry *entry = place_of(tid);

	if (!entry)
		return 0;
	if (entry->owner == tid)
		return entry;
	if (!entry->owner && !__sync_val_compare_and_swap(&entry->owner, 0, (u64)tid))
		return entry;
	return claim_overflow(tid);
}

inline_ struct systape_entry *find_entry(u32 tid)
{
	struct systape_entry *entry = place_of(tid);

	if (entry && entry->owner == tid)
		return entry;
	return lookup(MAP(overflow), &tid);
}

/* At the end of the thread; giving up the ownership is the last store. */
inline_ void free_entry(u32 tid)
{
	struct systape_entry *entry = place_of(tid);

	if (entry && entry->owner == tid) {
		entry->ts = 0;
		barrier_();
		*(volatile u64 *)&entry->owner = 0;
	}
	bpf_map_delete_elem(MAP(overflow), &tid);
}

inline_ void move_entry(u32 from, u32 to)
{
	struct systape_entry *old = find_entry(from), *new;

	if (old && old->ts) {
		new = claim_entry(to);
		if (new && new != old) {
			new->nr = old->nr;
			new->pid = old->pid;
			new->abi = old->abi;
			new->on_path = old->on_path;
			new->args[0] = old->args[0];
			new->args[1] = old->args[1];
			new->args[2] = old->args[2];
			new->args[3] = old->args[3];
			new->args[4] = old->args[4];
			new->args[5] = old->args[5];
			new->run_delay = old->run_delay;
			new->ts = old->ts;
		}
	}
	free_entry(from);
}
