namespace Tuna.Losses;

/// <summary>What <see cref="MarginRankingLoss"/> is made of.</summary>
/// <param name="Rank">The ranking term, Eq. 5, reduced over the batch; nats per token.</param>
/// <param name="Likelihood">The likelihood term, Eq. 2, reduced over the batch, without lambda; nats per token. With
/// <see cref="MarginReduction.Paper"/> and lambda 0 it is not computed, and 0.</param>
/// <param name="Loss">Rank + lambda x Likelihood.</param>
/// <param name="Pairs">Pairs considered.</param>
/// <param name="ActivePairs">Pairs whose hinge was above zero.</param>
public readonly record struct MarginRankingTerms(double Rank, double Likelihood, double Loss, int Pairs, int ActivePairs);
