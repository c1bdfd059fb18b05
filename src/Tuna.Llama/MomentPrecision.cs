namespace Tuna.Llama;

/// <summary>How AdamW's two moments are kept between steps.</summary>
public enum MomentPrecision
{
    /// <summary>Single precision: 8 bytes a trained parameter.</summary>
    Full,

    /// <summary>
    /// A byte each and a scale for every 256 of them, rounded at random without bias: 2.03 bytes a trained parameter (8-bit optimizers,
    /// Dettmers et al., arXiv 2110.02861). Weights of less than 4096 elements keep single precision.
    /// </summary>
    EightBit,
}
