using Tuna.Text;

namespace Tuna.Models.Checkpoints;

/// <summary>Files of a model folder are regular files of a size that makes sense: a pipe would be waited for without end, a circle of links
/// has no end.</summary>
internal static class RegularFile
{
    /// <summary>Most bytes of a config or an index: thousands of times what any model has.</summary>
    private const long MaxJsonBytes = 64 << 20;

    /// <summary>Checks a file before it is opened.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is empty, no regular file, or a link that leads nowhere.</exception>
    public static FileInfo Check(string path)
    {
        var file = new FileInfo(path);
        try
        {
            if (file.ResolveLinkTarget(returnFinalTarget: true) is { } target)
                file = new FileInfo(target.FullName);
        }
        catch (IOException e) when (e is not FileNotFoundException and not DirectoryNotFoundException)
        {
            throw new InvalidDataException($"{path}: the link leads in a circle, or too far: {ForeignText.Shorten(e.Message, 300)}", e);
        }
        if (!file.Exists)
            throw new FileNotFoundException($"{path}: there is no such file.", path);
        if (file.Length == 0)
            throw new InvalidDataException($"{path}: the file is empty, or is no regular file but a pipe or a device.");
        return file;
    }

    /// <summary>Reads a config or an index whole.</summary>
    public static byte[] ReadJson(string path)
    {
        long length = Check(path).Length;
        return length <= MaxJsonBytes ? File.ReadAllBytes(path)
            : throw new InvalidDataException($"{path}: the file has {length} bytes; such files have at most {MaxJsonBytes}.");
    }
}
