namespace Tuna.Llama.Managed;

/// <summary>Which weights new tokens are sampled from. Each token reads all of them, so that half the bytes take about half the
/// time.</summary>
public enum DecodingPrecision
{
    /// <summary>The weights as they are.</summary>
    /// <remarks>
    /// Where every weight of the layers' matrices and of the output embedding is a bfloat16 value, as in a checkpoint that was published in
    /// bfloat16 and has not been trained since, a copy in bfloat16 is read instead: the same bits come out. The copy takes 2 bytes for each
    /// of those weights. It is made when a call may sample enough tokens to earn it back, and given back at the first call that finds
    /// weights it cannot hold.
    /// </remarks>
    Exact,

    /// <summary>The weights of the layers' matrices and of the output embedding rounded to bfloat16, to nearest even: what inference
    /// servers do by default.</summary>
    /// <remarks>
    /// Rounding moves a weight by at most 1/256 of it. Tokens and <see cref="Policies.SampledResponse.LogProb"/> are those of the rounded
    /// weights; prompts, scores, passes, training, norms and the input embedding use the weights as they are, so that a sample's
    /// log-probability differs from its score. The copy takes 2 bytes for each of those weights.
    /// </remarks>
    BFloat16,
}
