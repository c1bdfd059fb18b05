using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Cli.Hub;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Models.Hub;

namespace Tuna.Cli.Commands;

/// <summary>Uploads a model.</summary>
internal sealed class PushCommand : StageCommand
{
    public const string Summary = "Uploads a model folder to the Hugging Face hub as one commit. HF_TOKEN is a token that may write.";

    private readonly Argument<string> _folder = new("FOLDER") { Description = "The model's folder." };
    private readonly Argument<string> _name =
        new("NAME") { Description = "Its name on the hub, owner/name. A repository that is not there is created." };
    private readonly Setting<bool> _public =
        new("--public") { Description = "Makes a new repository public; without it, it is private. One that is there stays as it is." };
    private readonly Setting<string> _message =
        new("--message") { Description = "The commit's message.", DefaultValueFactory = _ => "Upload model" };

    public PushCommand(App app)
        : base(app, "push", Summary)
    {
        Arguments.Add(_folder);
        Arguments.Add(_name);
        Options.Add(_public);
        Options.Add(_message);
        Examples = ["tuna push tuned owner/tuned"];
    }

    public override async Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string folder = parse.GetValue(_folder)!, name = parse.GetValue(_name)!;
        ModelFolder.Require(folder);
        using var client = new HubClient(HubOptions.FromEnvironment(), ui.Time);
        string commit = await client.PushAsync(folder, name, !parse.GetValue(_public), parse.GetValue(_message)!,
            new DownloadNotes(ui, "uploading"), cancellationToken);
        return new StageResult($"{name}: {commit}", new() { ["name"] = name, ["commit"] = commit });
    }
}
