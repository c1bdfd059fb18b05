namespace Tuna.Losses;

/// <summary>The negative log-likelihood of a given order under the Plackett-Luce model; ListMLE, PRO and the listwise form of DPO share
/// it.</summary>
internal static class PlackettLuceKernel
{
    /// <summary>
    /// The mean over the groups of sum over k &lt; K - 1 of (log sum over i >= k of exp(s_i)) - s_k, with s = scale z. Linear in K.
    /// <paramref name="gradient"/> is overwritten.
    /// </summary>
    public static double Evaluate<TValue>(in RankingBatch batch, double scale, Span<double> gradient)
        where TValue : struct, IResponseValue
    {
        gradient.Clear();
        double total = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b];
            int last = first + batch.CandidateCounts[b] - 1;
            if (last <= first)
                continue; // nothing to order

            // From the last to the first: logSum = log sum over i >= k of exp(s_i), kept in the gradient's place until the second loop.
            // The k-th term is softplus(logSum_{k+1} - s_k), which does not cancel as logSum_k - s_k would.
            double logSum = scale * TValue.Of(batch, last);
            for (int k = last - 1; k >= first; k--)
            {
                double s = scale * TValue.Of(batch, k);
                double term = StableMath.Softplus(logSum - s);
                total += term;
                logSum = s + term;
                gradient[k] = logSum;
            }

            // dL/ds_i = sum over k <= i, k < last, of exp(s_i - logSum_k), minus 1 unless i is last; the sum over k in logarithms.
            double log = double.NegativeInfinity;
            for (int i = first; i <= last; i++)
            {
                double chosen = 0;
                if (i < last)
                {
                    log = StableMath.LogAddExp(log, -gradient[i]);
                    chosen = 1;
                }

                double s = scale * TValue.Of(batch, i);
                gradient[i] = (Math.Exp(s + log) - chosen) * scale * TValue.Slope(batch, i) / batch.GroupCount;
            }
        }

        return total / batch.GroupCount;
    }
}
