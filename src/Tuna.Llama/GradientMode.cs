namespace Tuna.Llama;

/// <summary>What becomes of gradients between backward and the optimizer's step.</summary>
public enum GradientMode
{
    /// <summary>They are kept: 2 bytes (BF16 on a GPU, where a step is one pass) or 4 bytes a trained parameter.</summary>
    Keep,

    /// <summary>
    /// Where a step is one pass they are computed twice, and never there all at once: first for their norm, which clipping needs, then a
    /// weight at a time, which is moved as soon as its gradient is known (as LOMO does, Lv et al., arXiv 2306.09782, with AdamW's moments).
    /// The same bits as <see cref="Keep"/> on the CPU, for one more forward and backward a step; what the pass holds stays until the step.
    /// A model that meets a step of several passes, or trains in a group, keeps its gradients from then on.
    /// </summary>
    Recompute,
}
