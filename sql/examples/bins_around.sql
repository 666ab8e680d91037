-- bins_around: how many pairs lie just below and just above a cut-off?
-- One row per bin: the cut-off that is its upper edge, pairs of one person and of two in it, and how many match at that cut-off.
--   facesql sql -f sql/examples/bins_around.sql --from report --param cutoff=0.6
set variable cutoff = 0.5;
set variable bins = 2;

with rates as (
    from cutoff_rates(counts := 'bin_totals')
),
stepped as (
    select
        bin,
        cutoff,
        genuine_matched - lag(genuine_matched, 1, 0) over (order by bin) as genuine,
        impostor_matched - lag(impostor_matched, 1, 0) over (order by bin) as impostor,
        genuine_matched,
        impostor_matched
    from rates
)
from stepped
where abs(bin - distance_bin(getvariable('cutoff'))) <= getvariable('bins')
order by bin;
