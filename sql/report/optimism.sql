-- optimism: operating points chosen on some people and judged on others, beside those chosen and judged on all.
-- One row per operating point that the data choose: its cutoff, and the lowest and highest of those chosen without a quarter of
-- the people; fmr and fnmr (every person counts the same) and f1 (every pair does) as chosen on all, and (_others) of the quarters
-- that had no say.
--   select point, fmr, fmr_others, fnmr, fnmr_others from optimism;
create table if not exists optimism (
    point varchar,
    cutoff double,
    lowest double,
    highest double,
    fmr double,
    fnmr double,
    f1 double,
    fmr_others double,
    fnmr_others double,
    f1_others double
);
comment on table optimism is 'operating points chosen on some people and judged on others, beside those chosen and judged on all';
