-- binning: the metric that distances are of, and the bins that they are counted in. Here they are those of face_recognition's
-- encodings: Euclidean distances, in bins of 0.001 from 0 to 2. In the database of a report it is a table, with those of the report.
-- Bin k ends at the edge k * bin_width, and holds it; bin first_bin holds all distances up to its edge, bin last_bin + 1 all
-- beyond the last edge. So distance <= k * bin_width is the same as bin <= k.
-- One row: metric (euclidean, sqeuclidean, cosine or inner), first_bin, last_bin, bin_width (no unit), and that width as a fraction
-- of whole numbers, numerator / denominator: k * numerator / denominator is the float64 nearest to an edge, k * bin_width may not be.
--   from binning;
create or replace view binning as
    select
        'euclidean' as metric,
        0 as first_bin,
        2000 as last_bin,
        0.001::double as bin_width,
        1::double as numerator,
        1000::double as denominator;
comment on view binning is 'the metric that distances are of, and the bins that they are counted in';
