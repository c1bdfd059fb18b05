using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Conformance;

/// <summary>A model's weights as its own files show them.</summary>
internal static class SavedWeights
{
    private const string File = "model.safetensors";

    /// <summary>Saves a model into a new folder and reads all its tensors.</summary>
    public static Dictionary<string, float[]> Of(ITrainableScorer model, string folder)
    {
        Directory.CreateDirectory(folder);
        model.SaveModel(folder);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, File));
        Assert.All(file.Tensors.Values, t => Assert.Equal(TensorDType.F32, t.DType));
        return file.Tensors.Keys.ToDictionary(name => name, file.ReadSingles);
    }

    /// <summary>Copies a model folder with other values in one tensor of its weights.</summary>
    public static void CopyWith(string folder, string to, string name, float[] values) =>
        CopyWith(folder, to, File, name, old => values.CopyTo(old, 0));

    /// <summary>Copies a model folder with other values in one tensor of one of its files.</summary>
    public static void CopyWith(string folder, string to, string file, string name, Action<float[]> change)
    {
        Directory.CreateDirectory(to);
        foreach (string path in Directory.GetFiles(folder).Where(p => Path.GetFileName(p) != file))
            System.IO.File.Copy(path, Path.Combine(to, Path.GetFileName(path)));
        using SafetensorsFile from = SafetensorsFile.Open(Path.Combine(folder, file));
        using var writer = new SafetensorsWriter(Path.Combine(to, file),
            from.Tensors.Values.Select(t => new TensorSpec(t.Name, t.DType, t.Shape)), from.Metadata);
        foreach (string tensor in from.Tensors.Keys)
        {
            float[] values = from.ReadSingles(tensor);
            if (tensor == name)
                change(values);
            writer.Write(tensor, values);
        }

        writer.Complete();
    }
}
