-- binned_counts: how many pairs of faces lie in each bin of distance. All later stages read this and nothing larger.
-- One row per pair of blocks, same_person and bin that holds a pair. pairs is exact; person_weight is the sum of
-- 1 / (pairs of that person), or of 1 / (pairs of those two people), so that each person, or pair of people, weighs one. Two
-- faces of one person in one photo are no pair.
--   select sum(pairs) from binned_counts where same_person and bin <= 600;  -- genuine pairs matched at 0.6
create or replace view binned_counts as
    with bins as (
        select
            block_a,
            block_b,
            same_person,
            (first_bin + unnest(range(len(pairs))))::integer as bin,
            unnest(pairs) as pairs,
            unnest(person_weight)::double as person_weight
        from block_pair_counts
    )
    select block_a, block_b, same_person, bin, pairs, person_weight from bins where pairs > 0;
comment on view binned_counts is 'how many pairs of faces lie in each bin of distance';
