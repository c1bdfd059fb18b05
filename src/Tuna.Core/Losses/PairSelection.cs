namespace Tuna.Losses;

/// <summary>Which pairs of a group's candidates a pairwise loss compares. Pairs of equal score are left out of every selection. With two
/// candidates all are the same.</summary>
public enum PairSelection
{
    /// <summary>Every j &lt; k: K (K - 1) / 2 pairs.</summary>
    AllPairs,

    /// <summary>The first candidate against each other one: K - 1 pairs.</summary>
    BestVersusRest,

    /// <summary>Each candidate against the next: K - 1 pairs.</summary>
    Adjacent,

    /// <summary>The first candidate against the last: one pair.</summary>
    BestVersusWorst,
}
