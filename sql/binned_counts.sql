-- binned_counts: how many pairs of faces lie in each bin of distance. Here it is counted anew, by the slow road, whenever it
-- is read: half a minute for ten thousand faces. In the database of a report it is counted already.
-- One row per pair of blocks, same_person and bin that holds a pair, as slow_binned_counts() gives them.
--   select sum(pairs) from binned_counts where same_person and bin <= 600;  -- genuine pairs matched at 0.6
create or replace view binned_counts as from slow_binned_counts();
comment on view binned_counts is 'how many pairs of faces lie in each bin of distance';
