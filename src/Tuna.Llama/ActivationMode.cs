namespace Tuna.Llama;

/// <summary>What a pass holds between forward and backward.</summary>
public enum ActivationMode
{
    /// <summary>Everything of as many layers as the memory estimate of the pass lets fit the budget, of the others their input: from
    /// <see cref="Keep"/> to <see cref="Recompute"/>.</summary>
    Auto,

    /// <summary>Everything that backward needs: fastest.</summary>
    Keep,

    /// <summary>Each layer's input alone; backward computes the layer again, and only the rows of responses that have a gradient
    /// (activation checkpointing).</summary>
    Recompute,
}
