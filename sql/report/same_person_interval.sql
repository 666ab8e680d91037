-- same_person_interval(distance): how sure same_person_share is at a distance. A struct: low and high, the ends of the interval, in 0
-- to 1, and bound, whether they are a bound and no interval.
--   select same_person_interval(0.45).low;  -- at least so many are of one person
create or replace macro same_person_interval(distance) as
    (select list({'low': low, 'high': high, 'bound': bound} order by bin) from calibration)[
        distance_bin(distance) - (select first_bin from binning) + 1
    ];
comment on macro same_person_interval is 'how sure same_person_share is at a distance';
