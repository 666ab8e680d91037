-- cutoff_rates(): the cut-off table from binned_counts, in SQL; facesql's own is in table precision_recall of a report.
-- One row per cut-off 0.000, 0.001, ... 2.000: pairs matched (distance <= cutoff), precision (1 where nothing is matched),
-- recall, FMR, FNMR and F1, each 0 to 1, null where there are no pairs to tell from.
--   from cutoff_rates() where cutoff in (0.5, 0.6);
create or replace macro cutoff_rates() as table
    with counts as (
        select
            bins.bin,
            coalesce(sum(pairs) filter (same_person), 0)::bigint as genuine,
            coalesce(sum(pairs) filter (not same_person), 0)::bigint as impostor
        from range(2002) as bins(bin)
        left join bin_totals using (bin)
        group by bins.bin
    ),
    matched as (
        select
            bin,
            sum(genuine) over (order by bin)::bigint as genuine_matched,
            sum(impostor) over (order by bin)::bigint as impostor_matched,
            sum(genuine) over ()::bigint as genuine_pairs,
            sum(impostor) over ()::bigint as impostor_pairs
        from counts
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
    where bin <= 2000
    order by bin;
