-- costs: which cut-off meets what, and how sure is that? The operating points of a report, with their intervals.
-- One row per operating point: cut-off, FMR and FNMR with the ends of their intervals, each 0 to 1; null where the data cannot tell.
--   facesql sql -f sql/examples/costs.sql --from report
select
    point,
    cutoff,
    round(fmr, 6) as fmr,
    round(fmr_low, 6) as fmr_low,
    round(fmr_high, 6) as fmr_high,
    round(fnmr, 4) as fnmr,
    round(fnmr_low, 4) as fnmr_low,
    round(fnmr_high, 4) as fnmr_high
from operating_points
order by not recommended, cutoff, point;
