-- group_rates: FMR and FNMR of groups of people, all at one cut-off. Empty where no groups were asked for.
-- One row per weighting (people: every person counts the same, and every two; pairs: every pair) and group. impostor_pairs and FMR
-- are of people of the group with each other; low and high are intervals, or bounds where people are too few (bound).
--   select "group", fnmr, fnmr_low, fnmr_high from group_rates where weighting = 'people';
create table if not exists group_rates (
    "group" varchar,
    weighting varchar,
    people bigint,
    faces bigint,
    genuine_pairs bigint,
    impostor_pairs bigint,
    fnmr double,
    fnmr_low double,
    fnmr_high double,
    fnmr_bound boolean,
    fmr double,
    fmr_low double,
    fmr_high double,
    fmr_bound boolean
);
comment on table group_rates is 'FMR and FNMR of groups of people, all at one cut-off';
