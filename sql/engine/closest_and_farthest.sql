-- Where the pairs of a report lie.
-- One row: closest and farthest, the first and the last bin that hold any; null where there are no pairs.
with counted as (
    select bin, sum(pairs) as pairs from bin_totals group by bin
)
select min(bin) as closest, max(bin) as farthest
from counted
where pairs > 0;
