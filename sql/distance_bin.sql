-- distance_bin(distance): the bin of a distance. Bin 0 holds distances of exactly 0, bin k those in
-- ((k - 1) / 1000, k / 1000], and bin 2001 all beyond 2. So distance <= k / 1000 is the same as bin <= k.
-- The product may be off by one unit in the last place, the comparisons with the edges are not.
--   select distance_bin(0.07);  -- 70
create or replace macro distance_bin(distance) as
    case
        when distance > 2 then 2001
        when distance > ceil(distance * 1000) / 1000 then ceil(distance * 1000) + 1
        when distance > 0 and distance <= (ceil(distance * 1000) - 1) / 1000 then ceil(distance * 1000) - 1
        else ceil(distance * 1000)
    end::integer;
comment on macro distance_bin is 'the bin of a distance';
