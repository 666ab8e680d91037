-- bin_totals: binned_counts summed over all blocks.
-- One row per same_person and bin that holds a pair.
--   from bin_totals where bin <= 600;
create or replace view bin_totals as
    select same_person, bin, sum(pairs)::bigint as pairs, sum(person_weight) as person_weight
    from binned_counts
    group by same_person, bin
    order by same_person, bin;
comment on view bin_totals is 'binned_counts summed over all blocks';
