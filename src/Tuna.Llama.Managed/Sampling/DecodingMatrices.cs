using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>The matrices of a layer and, last, the output embedding.</summary>
internal enum DecodingMatrix
{
    /// <summary>Queries, keys and values.</summary>
    Qkv,

    /// <summary>Attention's output.</summary>
    Output,

    /// <summary>Gate and up.</summary>
    GateUp,

    /// <summary>The MLP's output.</summary>
    Down,

    /// <summary>The output embedding.</summary>
    Logits,
}

/// <summary>What new tokens are multiplied with.</summary>
internal interface IDecodingProducts
{
    /// <summary>c (+)= x W^T.</summary>
    /// <param name="x">Rows of new tokens.</param>
    /// <param name="matrix">Which W.</param>
    /// <param name="layer">Of which layer; the output embedding belongs to none.</param>
    /// <param name="c">The result.</param>
    /// <param name="update">Whether to add to it or to overwrite it.</param>
    void Multiply(in Matrix x, DecodingMatrix matrix, int layer, in Matrix c, Update update);
}

/// <summary>Where the matrices that every new token is multiplied with lie, by layer and matrix; the output embedding last.</summary>
internal sealed unsafe class DecodingMatrices
{
    private readonly LlamaParameters _parameters;
    private readonly Place[] _places;

    public DecodingMatrices(LlamaConfig config, LlamaParameters parameters, AttentionShape shape)
    {
        _parameters = parameters;
        var places = new List<Place>();
        foreach (LayerSlots at in parameters.Layers)
        {
            places.Add(new Place(at.Qkv, shape.RowWidth, config.HiddenSize));
            places.Add(new Place(at.Output, config.HiddenSize, shape.QueryWidth));
            places.Add(new Place(at.GateUp, 2 * config.IntermediateSize, config.HiddenSize));
            places.Add(new Place(at.Down, config.HiddenSize, config.IntermediateSize));
        }

        places.Add(new Place(parameters.OutputEmbedding, config.VocabularySize, config.HiddenSize));
        _places = [.. places];
    }

    /// <summary>Number of matrices.</summary>
    public int Count => _places.Length;

    /// <summary>Version of the weights.</summary>
    public long Version => _parameters.Version;

    /// <summary>The weights themselves.</summary>
    public Matrix this[int index] => new(_parameters.Weights + _places[index].Offset, _places[index].Rows, _places[index].Columns);

    /// <summary>The number of a matrix.</summary>
    public int Index(DecodingMatrix matrix, int layer) =>
        matrix == DecodingMatrix.Logits ? _places.Length - 1 : (layer * (int)DecodingMatrix.Logits) + (int)matrix;

    /// <summary>Where copies of all matrices start when they follow one another, and, last, where they end.</summary>
    /// <param name="floats">Floats that a copy takes, of its rows and columns.</param>
    public long[] Offsets(Func<int, int, long> floats)
    {
        var offsets = new long[_places.Length + 1];
        for (int i = 0; i < _places.Length; i++)
            offsets[i + 1] = offsets[i] + floats(_places[i].Rows, _places[i].Columns);
        return offsets;
    }

    /// <summary>Where a matrix lies among the weights, in floats.</summary>
    private readonly record struct Place(long Offset, int Rows, int Columns);
}
