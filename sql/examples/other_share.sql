-- other_share: what is a match worth where fewer comparisons are of one person than here? Recall and FMR hold whatever the share of
-- genuine comparisons is; precision does not (Bayes' rule). Every person counts the same here, and every two.
-- One row per share of genuine comparisons: recall and FMR at the cut-off, precision, and what it is if FMR is at the end of its interval.
--   facesql sql -f sql/examples/other_share.sql --from report --param cutoff=0.6
set variable cutoff = 0.5;

with rates as (
    select
        any_value(value) filter (rate = 'recall') as recall,
        any_value(value) filter (rate = 'fmr') as fmr,
        any_value(high) filter (rate = 'fmr') as fmr_high
    from rate_intervals
    where weighting = 'people' and bin = distance_bin(getvariable('cutoff'))
),
shares as (
    select unnest([0.5, 0.1, 0.01, 0.001, 0.0001])::double as share
)
select
    share,
    round(recall, 4) as recall,
    round(fmr, 6) as fmr,
    round(precision_at_share(recall, fmr, share), 4) as precision,
    round(precision_at_share(recall, fmr_high, share), 4) as precision_at_worst
from shares
cross join rates
order by share desc;
