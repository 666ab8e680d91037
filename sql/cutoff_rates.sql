-- cutoff_rates(counts): the cut-off table, from a table that has the columns same_person, bin and pairs. counts names that
-- table, view or common table expression; without it, it is binned_counts.
-- One row per cut-off, an edge of the bins: pairs matched (distance <= cutoff), precision (1 where nothing is matched), recall,
-- FMR, FNMR and F1, each 0 to 1, null where there are no pairs to tell from.
--   from cutoff_rates() where cutoff in (0.5, 0.6);
create or replace macro cutoff_rates(counts := 'binned_counts') as table
    with edges as (
        select unnest(range(first_bin, last_bin + 2)) as bin from binning
    ),
    totals as (
        select
            bin,
            sum(pairs) filter (same_person) as genuine,
            sum(pairs) filter (not same_person) as impostor
        from query_table(counts)
        group by bin
    ),
    matched as (
        select
            bin,
            sum(coalesce(genuine, 0)) over (order by bin)::bigint as genuine_matched,
            sum(coalesce(impostor, 0)) over (order by bin)::bigint as impostor_matched,
            sum(coalesce(genuine, 0)) over ()::bigint as genuine_pairs,
            sum(coalesce(impostor, 0)) over ()::bigint as impostor_pairs
        from edges
        left join totals using (bin)
    )
    select
        bin::integer as bin,
        bin_cutoff(bin) as cutoff,
        genuine_matched,
        impostor_matched,
        coalesce(genuine_matched / nullif(genuine_matched + impostor_matched, 0), 1) as precision,
        genuine_matched / nullif(genuine_pairs, 0) as recall,
        impostor_matched / nullif(impostor_pairs, 0) as fmr,
        (genuine_pairs - genuine_matched) / nullif(genuine_pairs, 0) as fnmr,
        case when genuine_pairs > 0 then 2 * genuine_matched / (genuine_pairs + genuine_matched + impostor_matched) end as f1
    from matched
    where bin <= (select last_bin from binning)
    order by bin;
comment on macro table cutoff_rates is 'the cut-off table, from a table that has the columns same_person, bin and pairs';
