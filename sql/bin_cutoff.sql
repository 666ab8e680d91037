-- bin_cutoff(bin): the cut-off at which a bin, and all before it, match: its upper edge. Null for the bin beyond the last edge, which
-- never does.
--   select bin_cutoff(600);  -- 0.6
create or replace macro bin_cutoff(bin) as
    case
        when bin <= (select last_bin from binning)
            then bin * (select numerator from binning) / (select denominator from binning)
    end;
comment on macro bin_cutoff is 'the cut-off at which a bin, and all before it, match: its upper edge';
