-- sampling_intervals: what the sampling alone leaves open, where impostor pairs were sampled. So far the rates of these very people
-- may lie from those estimated; rate_intervals are of other people, and wider. Empty where all pairs were compared.
-- One row per cut-off, weighting (pairs: every pair counts the same; people: every person, or every two) and rate (fmr, precision,
-- f1). low and high hold the rate of the people compared with the confidence that summary has.
--   from sampling_intervals where weighting = 'people' and rate = 'fmr' and not few order by bin limit 1;
create table if not exists sampling_intervals (
    bin integer,
    cutoff double,
    weighting varchar,
    rate varchar,
    value double,
    low double,
    high double,
    matched double,
    few boolean
);
comment on table sampling_intervals is 'what the sampling alone leaves open, where impostor pairs were sampled';
comment on column sampling_intervals.value is 'the rate, estimated from the sample, 0 to 1; null where there are no pairs to tell from';
comment on column sampling_intervals.matched is 'the sampled impostor pairs that match, in effect, or those that do not if these are fewer; infinite where all are compared';
comment on column sampling_intervals.few is 'whether fewer than ten do, so that the sample does not tell how many match';
