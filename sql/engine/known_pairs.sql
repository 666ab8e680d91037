-- The pairs of blocks that are counted already.
-- One row per pair of blocks: block_a, block_b.
select distinct block_a, block_b from block_pair_counts;
