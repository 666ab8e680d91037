-- calibration: which share of the pairs at a distance are of one person, and how sure that is. The shares are fitted to fall
-- with the distance (isotonic regression), and the interval is from leaving out people.
-- One row per bin, that beyond the last edge included. Shares lie in 0 to 1, and are null where there are no pairs of one person
-- or none of two.
--   from calibration where share >= 0.5 order by bin desc limit 1;
create table if not exists calibration (
    bin integer,
    distance double,
    share double,
    low double,
    high double,
    bound boolean
);
comment on table calibration is 'which share of the pairs at a distance are of one person, and how sure that is';
comment on column calibration.bin is 'distances from the edge before to this bin''s own, see distance_bin';
comment on column calibration.distance is 'the bin''s edge, the largest distance that it holds; null beyond the last edge';
comment on column calibration.share is 'of the pairs at that distance, the share that are of one person; it never rises with the distance';
comment on column calibration.low is 'lower end of the interval of the share';
comment on column calibration.high is 'upper end of the interval of the share';
comment on column calibration.bound is 'whether low and high are a bound, because too few people have pairs there, and no interval';
