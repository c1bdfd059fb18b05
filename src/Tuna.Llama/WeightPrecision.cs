namespace Tuna.Llama;

/// <summary>How the weights that are not trained are kept.</summary>
public enum WeightPrecision
{
    /// <summary>In the type that the model computes in.</summary>
    Full,

    /// <summary>
    /// The projections of the layers in 4 bits a number, NormalFloat in blocks of 64, and the blocks' scales in a byte each: 4.13 bits a
    /// weight (QLoRA, Dettmers et al., arXiv 2305.14314). Each is unpacked, to the type that the model computes in, for the product that
    /// needs it; embedding, norms, biases, output layer and adapters stay as they are.
    /// </summary>
    Nf4,
}
