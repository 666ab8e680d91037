-- operating_points: which cut-off meets what was asked for, and what it costs.
-- One row per operating point: the recommended one, those at usual rates, best F1, EER and face_recognition's own. cutoff is null
-- where the data cannot support what was asked, and refusal says why. FMR and FNMR count every person the same, precision every
-- pair, unless a share of genuine comparisons was given; low and high are intervals, or bounds from the number of people (bound).
--   select point, cutoff, fmr, fmr_high, fnmr from operating_points where recommended;
create table if not exists operating_points (
    point varchar,
    recommended boolean,
    bin integer,
    cutoff double,
    fmr double,
    fmr_low double,
    fmr_high double,
    fmr_bound boolean,
    fnmr double,
    fnmr_low double,
    fnmr_high double,
    fnmr_bound boolean,
    precision double,
    precision_low double,
    precision_high double,
    precision_bound boolean,
    frr double,
    false_matches double,
    false_matches_low double,
    false_matches_high double,
    false_match_chance double,
    false_match_chance_high double,
    refusal varchar
);
comment on table operating_points is 'which cut-off meets what was asked for, and what it costs';
comment on column operating_points.frr is 'false rejection rate: FTA + (1 - FTA) FNMR; null where no table tells what the photos gave';
comment on column operating_points.false_matches is 'false matches that a search is expected to find in the gallery; null where none was given';
comment on column operating_points.false_match_chance is 'the chance that a search finds any; that of fmr_high is false_match_chance_high';
