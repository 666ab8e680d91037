-- distance_bin(distance): the bin of a distance, as binning says.
--   select distance_bin(0.07);  -- 70
create or replace macro distance_bin(distance) as
    bin_of(
        distance,
        (select first_bin from binning),
        (select last_bin from binning),
        (select numerator from binning),
        (select denominator from binning)
    );
comment on macro distance_bin is 'the bin of a distance, as binning says';
