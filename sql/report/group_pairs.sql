-- group_pairs: FMR of people of one group with people of another, or of the same, all at one cut-off. Empty where no groups were
-- asked for.
-- One row per weighting and pair of groups, in the order of group_rates.
--   select "group", other, fmr from group_pairs where weighting = 'people' order by fmr desc;
create table if not exists group_pairs (
    "group" varchar,
    other varchar,
    weighting varchar,
    impostor_pairs bigint,
    impostor_matched bigint,
    fmr double,
    fmr_low double,
    fmr_high double,
    fmr_bound boolean
);
comment on table group_pairs is 'FMR of people of one group with people of another, or of the same, all at one cut-off';
