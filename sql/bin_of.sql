-- bin_of(distance, first_bin, last_bin, numerator, denominator): the bin of a distance, of bins as binning has them.
-- The quotient may be off by one unit in the last place, the comparisons with the edges are not.
--   select bin_of(0.07, 0, 2000, 1, 1000);  -- 70
create or replace macro bin_of(distance, first_bin, last_bin, numerator, denominator) as
    case
        when distance > last_bin * numerator / denominator then last_bin + 1
        when distance <= first_bin * numerator / denominator then first_bin
        when distance > ceil(distance * denominator / numerator) * numerator / denominator
            then ceil(distance * denominator / numerator) + 1
        when distance <= (ceil(distance * denominator / numerator) - 1) * numerator / denominator
            then ceil(distance * denominator / numerator) - 1
        else ceil(distance * denominator / numerator)
    end::integer;
comment on macro bin_of is 'the bin of a distance, of bins as binning has them';
