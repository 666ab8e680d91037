-- rate_intervals: how sure each rate is for other people, at each cut-off and in both weightings.
-- One row per cut-off, weighting (pairs: every pair counts the same; people: every person, or every two) and rate (precision,
-- recall, fmr, fnmr, f1). low and high hold the rate of other people with the confidence that summary has.
--   from rate_intervals where weighting = 'people' and rate = 'fmr' and high <= 0.001 order by cutoff desc limit 1;
create table if not exists rate_intervals (
    bin integer,
    cutoff double,
    weighting varchar,
    rate varchar,
    value double,
    low double,
    high double,
    se double,
    bound boolean
);
comment on table rate_intervals is 'how sure each rate is for other people, at each cut-off and in both weightings';
comment on column rate_intervals.value is 'the rate, 0 to 1; null where there are no pairs to tell from';
comment on column rate_intervals.se is 'the standard error of the rate; null where low and high are a bound';
comment on column rate_intervals.bound is 'low and high are a bound from the number of people: fewer than ten blocks of people err';
