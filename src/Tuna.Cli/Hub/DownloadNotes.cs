using System.Globalization;
using Tuna.Cli.Terminal;
using Tuna.Models.Hub;

namespace Tuna.Cli.Hub;

/// <summary>Says once which file is on its way, and how large it is.</summary>
internal sealed class DownloadNotes(StageUi ui, string what) : IProgress<HubProgress>
{
    private string? _file;

    public void Report(HubProgress value)
    {
        if (value.File == _file)
            return;
        _file = value.File;
        ui.Note(string.Create(CultureInfo.InvariantCulture, $"{what} {value.File} ({value.Total / 1e6:0.#} MB)"));
    }
}
